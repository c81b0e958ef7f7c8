"""Durable rows of small state: writes only those that differ from what was written last."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class StoredRows:
    """The rows with one prefix, as they were written last."""

    def __init__(self, prefix: bytes) -> None:
        """Start without any; ``prefix`` is a single byte."""
        self._prefix = prefix
        self._rows: dict[bytes, bytes] = {}

    def changes(self, rows: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes | None]]:
        """Return what to write so that ``rows``, without prefix, are stored; None deletes."""
        now = {self._prefix + key: row for key, row in rows.items()}
        changed = [(key, row) for key, row in sorted(now.items()) if self._rows.get(key) != row]
        gone = [(key, None) for key in sorted(self._rows) if key not in now]
        self._rows = now
        return [*changed, *gone]

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; keys of others are ignored."""
        for key, row in rows:
            if key[:1] != self._prefix:
                continue
            if row is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = row

    def values(self) -> list[bytes]:
        """Return the stored rows by their keys' order."""
        return [self._rows[key] for key in sorted(self._rows)]
