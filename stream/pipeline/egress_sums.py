"""Sums what left in each window by country and by model, in the accounts stage.

Where a call counts is decided by its row alone, so the sums do not depend on the number of tasks.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.egress import EgressSum
from stream.core.networks import country_name
from stream.core.traffic import COUNTS, NAMES
from stream.store.order import run_sizes, run_starts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream.core.batch import Array, Fingerprints
    from stream.core.events import EventBatch
    from stream.core.traffic import GroupedBy

#: Names of open windows that are kept before those of closed ones are looked for (assumed).
_MANY_NAMES: Final = 1024
_FIRST_ERROR_STATUS: Final = 400
#: The highest bits of CRC-32 choose one of 64: the others have chosen the task.
_SHIFT: Final = 26


class EgressSums:
    """The sums of windows that were not sent yet; names of models of open windows."""

    def __init__(self) -> None:
        """Start empty: what is open is read again after a restart."""
        self._names: dict[int, tuple[str, float]] = {}  # name, and its latest event's time
        self._sums: list[EgressSum] = []

    def learn(self, names: Mapping[int, str], newest: float) -> None:
        """Note the names of models of a packet whose newest event is at ``newest``."""
        for code, name in names.items():
            known = self._names.get(code)
            self._names[code] = (name, newest if known is None else max(newest, known[1]))

    def add(self, end: float, rows: EventBatch) -> None:
        """Add the calls of the window that ends at ``end``."""
        if len(rows):
            columns = rows.columns
            bits = account_bits(rows.accounts)[columns["account"]]
            self._add(end, "country", columns["country"], columns, bits)
            self._add(end, "model", answered_models(columns), columns, bits)
        if len(self._names) > _MANY_NAMES:
            self._names = {c: known for c, known in self._names.items() if known[1] >= end}

    def take(self) -> list[EgressSum]:
        """Return the sums since the last call."""
        sums, self._sums = self._sums, []
        return sums

    def _add(
        self, end: float, by: GroupedBy, codes: Array, columns: Mapping[str, Array], bits: Array
    ) -> None:
        order = np.argsort(codes, kind="stable")
        sorted_codes = codes[order]
        starts = run_starts(sorted_codes)
        found = np.empty(len(starts), COUNTS)
        found["requests"] = run_sizes(starts, len(codes))
        for name in NAMES[1:]:
            found[name] = np.add.reduceat(columns[name][order], starts, dtype=np.int64)
        accounts = np.bitwise_or.reduceat(bits[order], starts).tolist()
        for code, some, row in zip(sorted_codes[starts].tolist(), accounts, found, strict=True):
            name = country_name(code) if by == "country" else self._names.get(code, ("",))[0]
            self._sums.append(EgressSum(end, by, code, name, some, row.tobytes()))


def answered_models(columns: Mapping[str, Array]) -> Fingerprints:
    """Return the model of each call, 0 for one that was refused or failed, shape ``(n,)``, u8.

    Who writes a request may name any model, and only those that exist answer.
    """
    status = columns["status"]
    tokens = columns["input_tokens"] | columns["output_tokens"]
    answered = (status < _FIRST_ERROR_STATUS) & ((status > 0) | (tokens > 0))
    return np.where(answered, columns["model"], np.uint64(0))


def account_bits(accounts: Sequence[str]) -> Array:
    """Return one of 64 bits for each account, shape ``(n,)``, u8.

    A set of accounts has at least as many accounts as it has bits.
    """
    chosen = [1 << (zlib.crc32(account.encode()) >> _SHIFT) for account in accounts]
    return np.array(chosen, np.uint64)
