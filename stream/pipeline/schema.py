"""The schema of stored rows: everything that has to agree, and an error that names differences.

Every changelog begins with the schema of its rows. A changelog with another schema is refused
before its first row is read: rows carry no field names, so they would be misread.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from stream import __version__
from stream.core.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Raised whenever stored rows or headers change their meaning and nothing in a layout shows it.
STATE_VERSION: Final = 4

#: Assumed: more differences, and longer values, do not help the reader of an error.
_MOST_NAMED: Final = 4
_LONGEST: Final = 32


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """``layout`` is name -> value of everything that has to agree; settings by their names."""

    stage: str
    version: int
    written_by: str  # for people
    layout: dict[str, str]

    @classmethod
    def of(cls, stage: str, layout: Mapping[str, str]) -> Schema:
        """Return the schema that this version writes."""
        return cls(
            stage=stage,
            version=STATE_VERSION,
            written_by=f"distillwatch {__version__}",
            layout=dict(layout),
        )

    def encode(self) -> bytes:
        """Return the first record of a changelog."""
        return msgspec.msgpack.encode(self, order="deterministic")

    def check(self, row: bytes | None) -> None:
        """Raise StateError unless this version reads rows of the schema in ``row``.

        None: there are rows, but no schema before them.
        """
        if row is None:
            raise StateError(f"{self.stage} state has no schema: {self.written_by} cannot read it")
        try:
            stored = msgspec.msgpack.decode(row, type=Schema)
        except msgspec.MsgspecError as error:
            raise StateError(f"the schema of {self.stage} state is unreadable: {error}") from error
        differing = [*_differences(self, stored)]
        if differing:
            more = f" and {len(differing) - _MOST_NAMED} more" * (len(differing) > _MOST_NAMED)
            raise StateError(
                f"{self.stage} state of {stored.written_by} does not fit {self.written_by}: "
                f"{', '.join(differing[:_MOST_NAMED])}{more}"
            )


def _differences(own: Schema, stored: Schema) -> Iterator[str]:
    if stored.stage != own.stage:
        yield f"it is {stored.stage} state"
    if stored.version != own.version:
        yield f"version is {own.version}, was {stored.version}"
    for name in sorted(own.layout.keys() | stored.layout.keys()):
        now, then = own.layout.get(name), stored.layout.get(name)
        if now is None:
            yield f"{name} is gone"
        elif then is None:
            yield f"{name} is new"
        elif now != then:
            yield (
                f"{name} is {now}, was {then}"
                if len(now + then) <= _LONGEST
                else (f"{name} has changed")
            )
