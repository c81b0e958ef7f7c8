"""Sums what left in each window by country and by model, in the accounts stage.

Where a call counts is decided by its row alone, so the sums do not depend on the number of tasks.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.egress import EgressSum
from stream.core.networks import country_name
from stream.core.traffic import COUNTS, NAMES, counts, matrix
from stream.store.columns import Field
from stream.store.order import run_sizes, run_starts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream.accounts.windows.account_windows import WindowRows
    from stream.core.batch import AccountSlots, Array, Fingerprints
    from stream.core.traffic import GroupedBy
    from stream.store.account_table import AccountTable

#: Names of open windows that are kept before those of closed ones are looked for (assumed).
_MANY_NAMES: Final = 1024
_FIRST_ERROR_STATUS: Final = 400
#: The highest bits of CRC-32 choose one of 64: the others have chosen the task.
_SHIFT: Final = 26
_ONE: Final = np.uint64(1)


class EgressSums:
    """The sums of windows that were not sent yet; names of models of open windows."""

    FIELDS: Final = (
        Field("egress_bit", np.dtype("u1")),  # number of the account's bit, from 1; 0: not chosen
    )

    def __init__(self, table: AccountTable) -> None:
        """Work on ``table``, which must have :attr:`FIELDS`."""
        self._table = table
        self._names: dict[int, tuple[str, float]] = {}  # name, and its latest event's time
        #: Accounts and counts of the groups of the window that is being added.
        self._groups: dict[tuple[GroupedBy, int], tuple[int, Array]] = {}
        self._sums: list[EgressSum] = []

    def learn(self, names: Mapping[int, str], newest: float) -> None:
        """Note the names of models of a packet whose newest event is at ``newest``."""
        for code, name in names.items():
            known = self._names.get(code)
            self._names[code] = (name, newest if known is None else max(newest, known[1]))

    def add(self, rows: WindowRows, slots: AccountSlots) -> None:
        """Add the calls of a part of a window; ``slots`` are of its accounts."""
        sizes = run_sizes(rows.at, len(rows.columns["time"]))
        bits = np.repeat(self._bits(rows.accounts, slots), sizes)
        self._add("country", rows.columns["country"], rows.columns, bits)
        self._add("model", answered_models(rows.columns), rows.columns, bits)

    def close(self, end: float) -> None:
        """Finish the window that ends at ``end``."""
        groups, self._groups = self._groups, {}
        for (by, code), (accounts, sums) in sorted(groups.items(), key=lambda item: item[0]):
            name = country_name(code) if by == "country" else self._names.get(code, ("",))[0]
            packed = counts(sums[None, :]).tobytes()
            self._sums.append(EgressSum(end, by, code, name, accounts, packed))
        if len(self._names) > _MANY_NAMES:
            self._names = {c: known for c, known in self._names.items() if known[1] >= end}

    def take(self) -> list[EgressSum]:
        """Return the sums since the last call."""
        sums, self._sums = self._sums, []
        return sums

    def _add(self, by: GroupedBy, codes: Array, columns: Mapping[str, Array], bits: Array) -> None:
        order = np.argsort(codes, kind="stable")
        sorted_codes = codes[order]
        starts = run_starts(sorted_codes)
        found = np.empty(len(starts), COUNTS)
        found["requests"] = run_sizes(starts, len(codes))
        for name in NAMES[1:]:
            found[name] = np.add.reduceat(columns[name][order], starts, dtype=np.int64)
        accounts = np.bitwise_or.reduceat(bits[order], starts).tolist()
        for code, some, sums in zip(
            sorted_codes[starts].tolist(), accounts, matrix(found), strict=True
        ):
            known = self._groups.get((by, code))
            self._groups[by, code] = (
                (some, sums) if known is None else (some | known[0], sums + known[1])
            )

    def _bits(self, accounts: Sequence[str], slots: AccountSlots) -> Array:
        """Return one of 64 bits for each account, shape ``(n,)``, u8.

        A set of accounts has at least as many accounts as it has bits.
        """
        chosen = self._table["egress_bit"][slots]
        new = np.flatnonzero(chosen == 0)
        if len(new):
            chosen[new] = [account_bit(accounts[i]) + 1 for i in new.tolist()]
            self._table["egress_bit"][slots[new]] = chosen[new]
        return np.asarray(np.left_shift(_ONE, chosen.astype(np.uint64) - _ONE))


def answered_models(columns: Mapping[str, Array]) -> Fingerprints:
    """Return the model of each call, 0 for one that was refused or failed, shape ``(n,)``, u8.

    Who writes a request may name any model, and only those that exist answer.
    """
    status = columns["status"]
    tokens = columns["input_tokens"] | columns["output_tokens"]
    answered = (status < _FIRST_ERROR_STATUS) & ((status > 0) | (tokens > 0))
    return np.where(answered, columns["model"], np.uint64(0))


def account_bit(account: str) -> int:
    """Return the number of an account's bit, 0 to 63."""
    return zlib.crc32(account.encode()) >> _SHIFT
