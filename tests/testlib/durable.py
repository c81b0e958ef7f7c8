"""Everything durable of something, as its stage takes and loads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stream.store.durable import Durable, StateRows


class HasDurable(Protocol):
    @property
    def durable(self) -> Mapping[str, Durable]: ...


def changes(of: HasDurable) -> StateRows:
    """Return the rows changed since the last call; None deletes."""
    return [row for part in of.durable.values() for row in part.take_changes()]


def restore(of: HasDurable, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
    """Load stored rows."""
    rows = list(rows)
    for part in of.durable.values():
        part.load(rows)
    for part in of.durable.values():
        part.loaded()
