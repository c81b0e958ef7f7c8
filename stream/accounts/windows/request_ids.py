"""The calls of the last minutes by the fingerprint of account and request id.

Bounded and durable. In memory sorted blocks of several windows, oldest first; in the log, a row for
each window, which is written once and deleted when its block has gone::

    windows |12:00|12:01|12:02|12:03|12:04|...
    blocks  [   12:00   ][   12:02   ][ ...      a quarter of the window each
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from stream.core.errors import StateError
from stream.store.layouts import of_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stream.core.batch import Array, Fingerprints, Positions

#: Most calls that a task remembers, 40 bytes each.
MAX_REQUEST_IDS: Final = 1_000_000

#: A remembered call.
ROW: Final = np.dtype(
    [
        ("request_id", "<u8"),  # keyed fingerprint of account and request id
        ("time", "<f8"),  # epoch seconds
        ("prompt", "<u8"),
        ("input_tokens", "<i4"),
        ("output_tokens", "<i4"),
    ]
)
#: Calls in one row of the log.
_CHUNK: Final = 8192
_BLOCKS: Final = 4

Rows = list[tuple[bytes, bytes | None]]


class Known(NamedTuple):
    """The remembered rows of some ids, and the position of each row's id among the ids."""

    rows: Array
    which: Positions


class _Block(NamedTuple):
    """Calls by id; the ids also alone, because searching copies an array with gaps."""

    ids: Fingerprints
    rows: Array


_NONE: Final = Known(np.zeros(0, ROW), np.zeros(0, np.int64))


class RequestIds:
    """Remembers the calls of ``duplicate_window_s`` seconds of event time, the oldest go first."""

    #: What the stored rows mean.
    layout: Final = {"request ids": of_dtype(ROW)}

    def __init__(
        self, duplicate_window_s: float, *, window_s: float, most: int = MAX_REQUEST_IDS
    ) -> None:
        """Start empty; with a window of 0 nothing is remembered."""
        self.duplicate_window_s: Final = duplicate_window_s
        self.window_s: Final = window_s
        self.forgotten = 0  # before their time
        self._span: Final = max(duplicate_window_s / _BLOCKS, window_s)
        self._most: Final = most
        self._blocks: dict[int, _Block] = {}  # ascending
        self._windows: dict[float, int] = {}  # end of a window -> its rows in the log
        self._written: dict[bytes, bytes | None] = {}

    def __len__(self) -> int:
        """Return the number of calls that are remembered."""
        return sum(len(block.ids) for block in self._blocks.values())

    @property
    def nbytes(self) -> int:
        """Return the memory taken, bytes."""
        return sum(block.ids.nbytes + block.rows.nbytes for block in self._blocks.values())

    def of(self, ids: Fingerprints, *, since: float) -> Known:
        """Return the remembered calls of ``ids``, distinct and ascending, at or after a time."""
        rows: list[Array] = []
        which: list[Positions] = []
        for block in self._blocks.values():
            there = block.ids
            start = np.searchsorted(there, ids)
            hit = there.take(start, mode="clip") == ids
            if not hit.any():
                continue
            hit = hit.nonzero()[0]
            count = np.searchsorted(there, ids[hit], "right") - start[hit]
            which.append(np.repeat(hit, count))
            offset = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
            rows.append(block.rows[np.repeat(start[hit], count) + offset])
        if not rows:
            return _NONE
        found = np.concatenate(rows)
        late = found["time"] >= since
        return Known(found[late], np.concatenate(which)[late])

    def add(self, end: float, rows: Array) -> None:
        """Remember the calls of the window that ends at ``end``, and forget what is too old."""
        rows = rows[np.argsort(rows["request_id"], kind="stable")]
        if len(rows) > self._most:
            self.forgotten += len(rows) - self._most
            rows = rows[: self._most]
        chunks = -(-len(rows) // _CHUNK)
        for chunk in range(chunks):
            part = rows[chunk * _CHUNK : (chunk + 1) * _CHUNK]
            self._written[_key(end, chunk)] = part.tobytes()
        if chunks:
            self._windows[end] = chunks
            self._put(end, rows)
        self._forget(end)

    def _put(self, end: float, rows: Array) -> None:
        number = self._block(end)
        if number in self._blocks:
            before = self._blocks[number].rows
            both = np.empty(len(before) + len(rows), ROW)  # concatenate would compare the fields
            both[: len(before)], both[len(before) :] = before, rows
            rows = both[np.argsort(both["request_id"], kind="stable")]
        self._blocks[number] = _Block(np.ascontiguousarray(rows["request_id"]), rows)

    def _block(self, end: float) -> int:
        return math.ceil(end / self._span)

    def _forget(self, end: float) -> None:
        """Forget blocks that no later row can be near to, and the oldest of too many rows."""
        while self._blocks:
            oldest = next(iter(self._blocks))
            old = oldest * self._span + self.duplicate_window_s <= end
            if not old and len(self) <= self._most:
                return
            gone = self._blocks.pop(oldest)
            self.forgotten += 0 if old else len(gone.ids)
            for window in [window for window in self._windows if self._block(window) == oldest]:
                keys = (_key(window, chunk) for chunk in range(self._windows.pop(window)))
                self._written |= dict.fromkeys(keys)

    # -- durable state ------------------------------------------------------------------------

    def take_changes(self) -> Rows:
        """Return the rows of the log that changed since the last call; None deletes."""
        changes, self._written = self._written, {}
        return [*changes.items()]

    def load(self, stored: Mapping[bytes, bytes | None]) -> None:
        """Take over rows of the log, to which :meth:`loaded` puts an end; None deletes."""
        self._written |= stored

    def loaded(self) -> None:
        """Use the loaded rows."""
        stored, self._written = self._written, {}
        windows: dict[float, list[Array]] = {}
        for end, value in _ascending(stored.items()):
            windows.setdefault(end, []).append(np.frombuffer(value, ROW))
        for end, chunks in windows.items():
            rows = np.concatenate(chunks)
            if not np.all(np.abs(rows["time"] - end) <= self.window_s):
                raise StateError("request ids of another time than their window")
            self._windows[end] = len(chunks)
            self._put(end, rows)


def _key(end: float, chunk: int) -> bytes:
    return f"{end!r} {chunk:05}".encode()


def _ascending(stored: Iterable[tuple[bytes, bytes | None]]) -> list[tuple[float, bytes]]:
    found = []
    for key, value in stored:
        end, _, chunk = key.decode().partition(" ")
        if value is not None:
            found.append((float(end), int(chunk), value))
    return [(end, value) for end, _, value in sorted(found)]
