"""Requests and tokens of each account over event time, for look-ups by account after a run.

Which accounts are of interest is known only at the end of a run, so all of them are counted.
Bounded: when there are too many rows the bins get wider, down to a row for each account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.core.batch import Array
    from stream.intake.codec.event import RequestEvent

#: Bins in seconds; each is a multiple of those before it, so that bins can be joined.
WIDTHS: Final = (60, 300, 900, 3600, 21_600, 86_400, 604_800, 2_419_200, 29_030_400)
#: Rows of (account, bin) at most, each 32 bytes.
MAX_ROWS: Final = 2_000_000
_PENDING_ROWS: Final = 200_000
#: Bits of a key for the bin; the account is above them.
_BIN_BITS: Final = 32


@dataclass(frozen=True, slots=True)
class AccountTotals:
    """The totals of one account in a run; times are epoch seconds."""

    first: float
    last: float
    requests: int
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Series:
    """Sums in bins of ``width_s`` from ``start_s`` on, each of shape ``(bins,)``."""

    start_s: float
    width_s: float
    requests: Array
    output_tokens: Array


class Traffic:
    """Counts events by account and bin."""

    def __init__(self, most_rows: int = MAX_ROWS) -> None:
        """Keep at most ``most_rows`` rows, or one for each account where those are more."""
        self._most = most_rows
        self._width = 0  # a place in WIDTHS
        self._places: dict[str, int] = {}
        self._keys = np.zeros(0, np.int64)
        self._sums = np.zeros((0, 3), np.int64)
        self._pending: list[tuple[Array, Array]] = []
        self._spans: dict[int, tuple[float, float]] = {}  # place -> first and last time

    @property
    def width_s(self) -> int:
        """Return the width of the narrowest available bins."""
        return WIDTHS[self._width]

    def observe(self, events: Sequence[RequestEvent]) -> None:
        """Count decoded events."""
        if not events:
            return
        places = self._places
        account = np.array([places.setdefault(e.account_id, len(places)) for e in events])
        times = np.array([event.timestamp for event in events], np.float64)
        counts = np.array(
            [(1, event.input_tokens or 0, event.output_tokens or 0) for event in events], np.int64
        )
        self._widen_spans(account, times)
        bins = np.floor(times / self.width_s).astype(np.int64)
        self._pending.append(_summed((account << _BIN_BITS) + bins, counts))
        if sum(len(keys) for keys, _ in self._pending) > _PENDING_ROWS:
            self._settle()

    def account(self, name: str) -> AccountTotals | None:
        """Return the totals of an account, None where it made no request."""
        place = self._places.get(name)
        if place is None:
            return None
        requests, input_tokens, output_tokens = self._rows([place])[1].sum(axis=0).tolist()
        return AccountTotals(*self._spans[place], requests, input_tokens, output_tokens)

    def span(self) -> tuple[float, float]:
        """Return the times of the first and the last event; zeros without any."""
        spans = self._spans.values()
        return (min(a for a, _ in spans), max(b for _, b in spans)) if spans else (0.0, 0.0)

    def total(self, accounts: Iterable[str] | None = None) -> tuple[int, int, int]:
        """Return requests, input and output tokens of some accounts, or of all."""
        requests, inputs, outputs = self._rows(self._known(accounts))[1].sum(axis=0).tolist()
        return requests, inputs, outputs

    def series(self, accounts: Iterable[str] | None, *, width_s: int) -> Series:
        """Return the traffic of some accounts, or of all, over the whole span.

        ``width_s`` is one of :data:`WIDTHS`, at least :attr:`width_s`.
        """
        keys, sums = self._rows(self._known(accounts))
        first, last = (int(time // width_s) for time in self.span())
        bins = ((keys & ((1 << _BIN_BITS) - 1)) * self.width_s) // width_s - first
        found = np.zeros((last - first + 1, 3), np.int64)
        np.add.at(found, bins, sums)
        return Series(first * width_s, width_s, found[:, 0], found[:, 2])

    def _known(self, accounts: Iterable[str] | None) -> list[int] | None:
        if accounts is None:
            return None
        return [self._places[name] for name in accounts if name in self._places]

    def _rows(self, places: list[int] | None) -> tuple[Array, Array]:
        """Return keys and sums of some accounts; rows of an account are adjacent."""
        self._settle()
        if places is None:
            return self._keys, self._sums
        wanted = np.array(sorted(places), np.int64) << _BIN_BITS
        begin = np.searchsorted(self._keys, wanted)
        end = np.searchsorted(self._keys, wanted + (1 << _BIN_BITS))
        spans = [np.arange(a, b) for a, b in zip(begin, end, strict=True)]
        rows = np.concatenate([np.zeros(0, np.int64), *spans])
        return self._keys[rows], self._sums[rows]

    def _settle(self) -> None:
        """Join what is pending with what was; wider bins while there are too many rows."""
        if not self._pending:
            return
        parts = [(self._keys, self._sums), *self._pending]
        self._pending = []
        keys, sums = (np.concatenate(some) for some in zip(*parts, strict=True))
        self._keys, self._sums = _summed(keys, sums)
        while len(self._keys) > self._most and self._width + 1 < len(WIDTHS):
            ratio = WIDTHS[self._width + 1] // self.width_s
            bins = (self._keys & ((1 << _BIN_BITS) - 1)) // ratio
            keys = (self._keys >> _BIN_BITS << _BIN_BITS) + bins
            self._keys, self._sums = _summed(keys, self._sums)
            self._width += 1

    def _widen_spans(self, account: Array, times: Array) -> None:
        order = np.lexsort((times, account))
        account, times = account[order], times[order]
        begin = np.flatnonzero(np.diff(account, prepend=-1))
        end = np.append(begin[1:], len(account)) - 1
        for place, low, high in zip(
            account[begin].tolist(), times[begin].tolist(), times[end].tolist(), strict=True
        ):
            before = self._spans.get(place, (low, high))
            self._spans[place] = (min(low, before[0]), max(high, before[1]))


def _summed(keys: Array, sums: Array) -> tuple[Array, Array]:
    """Return each key once, ascending, with the sum of its rows."""
    order = np.argsort(keys, kind="stable")
    keys, sums = keys[order], sums[order]
    begin = np.flatnonzero(np.diff(keys, prepend=-1))
    return keys[begin], np.add.reduceat(sums, begin, axis=0) if len(begin) else sums
