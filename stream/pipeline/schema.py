"""The schema of stored rows: the version and the layout of each part, and what of it fits.

Rows carry no field names. A changelog has a schema before its first row, and another one wherever a
worker of another version took over: a row is of the schema before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from stream import __version__
from stream.core.errors import NewerVersionError, StateError
from stream.pipeline.migrations import FIRST, migrations
from stream.pipeline.state_parts import PARTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stream.pipeline.migrations import Migration

#: Raised whenever the schema itself, keys or the checkpoint record change their form.
SCHEMA_VERSION: Final = 5

#: Assumed: more differences, and longer values, do not help the reader of an error.
_MOST_NAMED: Final = 4
_LONGEST: Final = 32


#: Assumed: ten times what this version writes. Longer ones are damaged: errors quote them.
_Name = Annotated[str, msgspec.Meta(max_length=200)]
_Version = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]


class PartSchema(msgspec.Struct, frozen=True):
    """``layout`` is name -> value of everything that has to agree beside the version."""

    version: _Version
    layout: dict[_Name, str]


class Schema(msgspec.Struct, frozen=True, kw_only=True):
    """``layout``: name -> value of all that has to agree for all parts; settings by their names."""

    stage: _Name
    version: _Version
    written_by: _Name  # for people
    layout: dict[_Name, str]
    parts: dict[_Name, PartSchema] = {}

    @classmethod
    def of(
        cls, stage: str, shared: Mapping[str, str], layouts: Mapping[str, Mapping[str, str]]
    ) -> Schema:
        """Return the schema that this version writes; ``layouts`` are those of the parts."""
        return cls(
            stage=stage,
            version=SCHEMA_VERSION,
            written_by=f"distillwatch {__version__}",
            layout=dict(shared),
            parts={
                part.name: PartSchema(part.version, dict(layouts[part.name]))
                for part in PARTS[stage]
            },
        )

    def encode(self) -> bytes:
        """Return the record for a changelog."""
        return msgspec.msgpack.encode(self, order="deterministic")

    def read(self, row: bytes | None) -> Schema:
        """Return a stored schema whose rows this version may read, as far as their parts fit.

        Raises NewerVersionError when a newer version wrote it, StateError when it is no schema, or
        of another stage or other settings. None: there are rows, but no schema before them.
        """
        if row is None:
            raise StateError(f"{self.stage} state has no schema: {self.written_by} cannot read it")
        try:
            stored = msgspec.msgpack.decode(row, type=Schema)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise StateError(f"the schema of {self.stage} state is unreadable: {error}") from error
        if stored.version == FIRST:
            stored = msgspec.structs.replace(stored, parts=_first(self, stored))
        newer = [*_newer(self, stored)]
        if newer:
            raise NewerVersionError(
                f"{self.stage} state was written by {stored.written_by}, which is newer than this "
                f"{self.written_by} ({newer[0]}): nothing of it was changed. Run that version or a "
                "newer one; there is no way back to an older one but without this state"
            )
        if stored.stage != self.stage:
            raise StateError(f"this is {stored.stage} state, not {self.stage} state")
        differing = [*_differences(self.layout, {n: stored.layout.get(n, "") for n in self.layout})]
        if differing:
            raise StateError(
                f"{self.stage} state of {stored.written_by} is of other settings: "
                f"{', '.join(differing)}"
            )
        return stored

    def same(self, stored: Schema) -> bool:
        """Return whether rows of both are the same."""
        return (self.version, self.layout, self.parts) == (
            stored.version,
            stored.layout,
            stored.parts,
        )

    def reading(self, part: str, stored: Schema) -> tuple[tuple[Migration, ...], str]:
        """Return how stored rows of a part become its own, and why they cannot: "": they can."""
        own, then = self.parts[part], stored.parts.get(part)
        if then is None:
            return (), f"{stored.written_by} had none"
        if then.version != own.version:
            steps = migrations(part, then.version, own.version)
            if steps is None:
                return (), f"there is no migration of version {then.version} to {own.version}"
            return steps, ""
        differing = [*_differences(own.layout, then.layout)]
        more = f" and {len(differing) - _MOST_NAMED} more" * (len(differing) > _MOST_NAMED)
        return (), ", ".join(differing[:_MOST_NAMED]) + more


def _first(own: Schema, stored: Schema) -> dict[str, PartSchema]:
    """Return the parts of a schema from before there were parts: all rows had one version."""
    return {name: PartSchema(stored.version, {}) for name in own.parts}


def _newer(own: Schema, stored: Schema) -> Iterator[str]:
    if stored.version > own.version:
        yield f"state version {stored.version}, here {own.version}"
    for name, part in stored.parts.items():
        here = own.parts.get(name)
        if here is None and stored.version == own.version:  # a part that went raised it
            yield f"{name} is unknown here"
        elif here is not None and part.version > here.version:
            yield f"{name} version {part.version}, here {here.version}"


def _differences(own: Mapping[str, str], stored: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(own.keys() | stored.keys()):
        now, then = own.get(name), stored.get(name)
        if now is None:
            yield f"{name} is gone"
        elif then is None:
            yield f"{name} is new"
        elif now != then:
            yield (
                f"{name} is {now}, was {then}"
                if len(now + then) <= _LONGEST
                else f"{name} has changed"
            )
