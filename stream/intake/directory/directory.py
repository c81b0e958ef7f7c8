"""The account directory in memory: loads entries and fills absent values of event batches.

Of an entry it keeps only the values that later stages use, in their form: times, and fingerprints
that are equal to those of events. It knows no topic and no file, and has no clock.

The rule of the join, which gives a replay the alerts of a worker: an event is filled with the
newest entry of its account that is known when the event is read. A worker reads the whole topic,
and a replay the whole file, before the first event. An event's own values always win, and an
account is never created after its event.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.errors import DecodeError
from stream.core.events import EVENT_COLUMNS, PREVIOUS, EventBatch
from stream.intake.directory.entry import account_of, decode
from stream.intake.fingerprint.keyed import KeyedHash
from stream.store.columns import ColumnStore, Field
from stream.store.hash_index import HashIndex

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Array, Mask
    from stream.core.secret import Secret
    from stream.intake.directory.entry import AccountEntry
    from stream.intake.directory.settings import DirectorySettings

#: An account id as key and its entry; none: there is no entry any more.
Row = tuple[bytes | None, bytes | None]

#: Column of events -> field of an entry whose fingerprint it has.
_FINGERPRINTS: Final = {
    "payment": "payment_id",
    "organization": "organization_id",
    "plan": "plan",
}
_DTYPES: Final = {
    # Python's hash of an id, with a key of the process: a client cannot make two ids collide.
    "account": np.dtype(np.int64),
    "created_at": np.dtype(np.float64),
    **{column: EVENT_COLUMNS[column] for column in _FINGERPRINTS},
}


@dataclass(frozen=True, slots=True)
class RejectedEntry:
    """A rejected row: its position among the given rows, and why."""

    place: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Filled:
    """A batch with what the directory knows; ``hits`` events are of accounts that it has."""

    batch: EventBatch
    hits: int


class AccountDirectory:
    """Entries by account, in columns; may be loaded in one thread while another fills."""

    def __init__(
        self, settings: DirectorySettings, salt: Secret, *, previous: Secret | None = None
    ) -> None:
        """Fingerprint with ``intake.salt``, as events are, and with the ``previous`` one."""
        self._most = settings.max_entries
        key = salt.reveal().encode()
        self._hashes = {column: KeyedHash(key, column) for column in _FINGERPRINTS}
        #: Column of events -> field of an entry whose fingerprint it has.
        self._fields = dict(_FINGERPRINTS)
        if previous:
            key = previous.reveal().encode()
            linking = [column for column in _FINGERPRINTS if column in PREVIOUS]
            self._hashes |= {PREVIOUS[column]: KeyedHash(key, column) for column in linking}
            self._fields |= {PREVIOUS[column]: _FINGERPRINTS[column] for column in linking}
        self._dtypes = _DTYPES | {
            name: EventBatch.OPTIONAL[name] for name in self._fields if name not in _DTYPES
        }
        fields = (Field(name, dtype) for name, dtype in self._dtypes.items())
        self._columns = ColumnStore(fields, max_rows=self._most)
        self._index = HashIndex(self._columns, ["account"])
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many accounts have an entry."""
        return len(self._columns)

    @property
    def nbytes(self) -> int:
        """Return the size of the columns in bytes, without the index."""
        return self._columns.nbytes

    def load(self, rows: Sequence[Row], *, latest: float) -> list[RejectedEntry]:
        """Load rows in the order they were written; return the rejected ones.

        ``latest`` is the last time, epoch seconds, that an account may have been created. A
        rejected row leaves the account's earlier entry as it is.
        """
        refused: list[RejectedEntry] = []
        entries: dict[str, tuple[int, AccountEntry | None]] = {}
        for place, (key, value) in enumerate(rows):
            try:
                account = account_of(key)
                entry = None if value is None else decode(value, latest=latest)
            except DecodeError as error:
                refused.append(RejectedEntry(place, error.reason, error.detail))
            else:
                entries[account] = (place, entry)
        columns = self._fingerprinted(entries)
        with self._lock:
            places = self._put(columns)
        refused += [
            RejectedEntry(place, "full", f"more than {self._most} accounts") for place in places
        ]
        return refused

    def known(self, accounts: Sequence[str]) -> Mask:
        """Return which accounts have an entry; shape ``(n,)``, bool."""
        with self._lock:
            return np.asarray(self._index.find(_hashed(accounts)) >= 0)

    def fill(self, batch: EventBatch) -> Filled:
        """Return the batch with the absent values that the directory knows."""
        with self._lock:
            if not len(self):
                return Filled(batch, 0)
            slots = self._index.find(_hashed(batch.accounts))
            # The directory's values for each account of the batch.
            known = {name: self._columns[name][slots] for name in self._dtypes if name != "account"}
        has = slots >= 0
        code = batch.columns["account"]
        hits = int(np.count_nonzero(has[code]))
        if not hits:
            return Filled(batch, 0)
        columns = dict(batch.columns)
        for name in self._fields:
            if name in columns:
                values = np.where(has, known[name], 0)[code].astype(self._dtypes[name])
                columns[name] = np.where(columns[name] == 0, values, columns[name])
        created = np.where(has, known["created_at"], np.nan)[code]
        absent = np.isnan(columns["created_at"]) & (created <= columns["time"])
        columns["created_at"] = np.where(absent, created, columns["created_at"])
        return Filled(EventBatch(batch.accounts, columns), hits)

    def _fingerprinted(
        self, entries: dict[str, tuple[int, AccountEntry | None]]
    ) -> dict[str, Array]:
        """Return entries as columns, with their places and whether there is one at all."""
        given = [entry for _, entry in entries.values()]
        created = [np.nan if one is None or one.created_at is None else one.created_at
                   for one in given]  # fmt: skip
        columns = {
            "place": np.array([place for place, _ in entries.values()], np.int64),
            "present": np.array([one is not None for one in given], bool),
            "account": _hashed(list(entries)),
            "created_at": np.array(created, np.float64),
        }
        for name, field in self._fields.items():
            texts = [None if one is None else getattr(one, field) for one in given]
            columns[name] = self._hashes[name].uncached(texts)
        return columns

    def _put(self, columns: dict[str, Array]) -> list[int]:
        """Write rows of distinct accounts; return the places of those there is no room for."""
        slots = self._index.find(columns["account"])
        present = columns["present"]
        gone = slots[~present & (slots >= 0)]
        self._index.remove(gone)
        self._columns.release(gone)
        new = np.flatnonzero(present & (slots < 0))
        new, left_out = np.split(new, [max(self._most - len(self), 0)])
        slots[new] = self._columns.allocate(len(new))
        rows = np.flatnonzero(present & (slots >= 0))
        for name in self._dtypes:
            self._columns[name][slots[rows]] = columns[name][rows]
        self._index.add(slots[new])
        return [int(place) for place in columns["place"][left_out]]


def _hashed(accounts: Sequence[str]) -> Array:
    return np.fromiter(map(hash, accounts), np.int64, len(accounts))
