"""The settings in force as TOML, a comment beside each value, to read or save as settings file.

One line for each setting; the terminal wraps it. A secret is a placeholder in a comment, so the
text is safe to share and loads without it.
"""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Final

import msgspec

from stream.cli.describe import describe
from stream.core.secret import Secret
from stream.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stream.cli.describe import Setting

_HEAD: Final = (
    "# Every setting with the value in force. Saved as distillwatch.toml it is a settings file.",
    "# Secrets are not printed: set them with the variables below, or from a file (..._FILE).",
)
_DEFAULTS: Final = Settings()
#: Comments stand below one another unless a value is longer than this.
_COMMENT_COLUMN: Final = 44


def toml_text(settings: Settings) -> str:
    """Return all settings as TOML, table by table."""
    lines = [*_HEAD]
    for section, group in groupby(describe(), key=lambda one: one.name.partition(".")[0]):
        lines += ["", f"[{section}]"]
        lines += _aligned(_assigned(settings, one) for one in group)
    return "\n".join(lines) + "\n"


def literal(value: object) -> str:
    """Return a value of plain data as TOML on one line."""
    if isinstance(value, dict):
        pairs = (f"{_text(str(k))} = {literal(v)}" for k, v in value.items() if v is not None)
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, str):
        return _text(value)
    # Of booleans JSON's words are TOML's; of floats also Python's inf, nan and exponents are.
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _text(value: str) -> str:
    # A basic string of TOML is one of JSON, but for DEL, which has to be escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _assigned(settings: Settings, setting: Setting) -> tuple[str, str]:
    """Return a setting's assignment and its comment."""
    section, _, name = setting.name.partition(".")
    value, default = (getattr(getattr(one, section), name) for one in (settings, _DEFAULTS))
    about = f"{setting.unit}: {setting.meaning}" if setting.unit else setting.meaning
    if isinstance(value, Secret):
        state = "set" if value else "not set"
        return f'# {name} = "…"', f"{state}, secret, {setting.environment}: {about}"
    if value is None:
        return f"# {name} = …", f"{about} (default not set)"
    usual = "not set" if default is None else literal(msgspec.to_builtins(default))
    return f"{name} = {literal(msgspec.to_builtins(value))}", f"{about} (default {usual})"


def _aligned(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    pairs = list(rows)
    column = max((len(a) for a, _ in pairs if len(a) <= _COMMENT_COLUMN), default=0)
    for assignment, comment in pairs:
        yield f"{assignment:{column}}  # {' '.join(comment.split())}"
