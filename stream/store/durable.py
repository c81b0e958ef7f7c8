"""Parts of a stage's state that are stored as rows, and loaded back, each on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stream.store.account_table import AccountTable

#: Keys and values of state; None deletes.
StateRows = list[tuple[bytes, bytes | None]]


class Durable(Protocol):
    """Something with durable rows; the first byte of their keys is its own within its stage."""

    @property
    def layout(self) -> Mapping[str, str]:
        """Return what stored rows consist of: everything that has to agree."""
        ...

    def take_changes(self) -> StateRows:
        """Return the rows changed since the last call; None deletes."""
        ...

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; then :meth:`loaded`."""
        ...

    def loaded(self) -> None:
        """Continue with what was loaded."""
        ...


class DurableTable:
    """The accounts of a table as rows with a prefix of one byte."""

    def __init__(self, prefix: bytes, table: AccountTable, more: Mapping[str, str]) -> None:
        """Store ``table``; ``more`` is what has to agree beside its fields."""
        self._prefix: Final = prefix
        self._table: Final = table
        self.layout: Final = {**table.layout, **more}

    def take_changes(self) -> StateRows:
        """Return the accounts changed since the last call; None deletes."""
        changed, gone = self._table.take_changes()
        return [
            *((self._prefix + name.encode(), row) for name, row in changed),
            *((self._prefix + name.encode(), None) for name in gone),
        ]

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Load stored accounts; rows of others are ignored."""
        latest = {key[1:].decode(): row for key, row in rows if key[:1] == self._prefix}
        there = {account: row for account, row in latest.items() if row is not None}
        self._table.load([*there], [*there.values()])
        self._table.drop(latest.keys() - there.keys())

    def loaded(self) -> None:
        """Do nothing: the stage makes room when everything is loaded."""
