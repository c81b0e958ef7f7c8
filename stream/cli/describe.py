"""Describes every setting for people: name, default, unit, meaning and variable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stream.core.secret import Secret
from stream.settings import PREFIX, Settings, meta_of

if TYPE_CHECKING:
    from collections.abc import Iterator


class Setting(msgspec.Struct, frozen=True):
    """One setting as the user sees it."""

    name: str
    default: str
    unit: str
    meaning: str
    environment: str


def describe() -> Iterator[Setting]:
    """Yield every setting with its default, unit and meaning."""
    defaults = Settings()
    for section in msgspec.structs.fields(Settings):
        for field in msgspec.structs.fields(section.type):
            value = getattr(getattr(defaults, section.name), field.name)
            meta = meta_of(field.type)
            yield Setting(
                name=f"{section.name}.{field.encode_name}",
                default=_show(value),
                unit=str((meta.extra or {}).get("unit", "")),
                meaning=meta.description or "",
                environment=f"{PREFIX}{section.name}_{field.encode_name}".upper(),
            )


def _show(value: object) -> str:
    if isinstance(value, Secret):
        return "(set)" if value else "(not set)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(value)
    if value in {None, "", ()}:
        return "(none)"
    # A tuple as its variable takes it.
    return msgspec.json.encode(value).decode() if isinstance(value, tuple) else str(value)
