"""What the account detector gets to see: accounts at the end of a window, as rows of fixed size.

An accounts task makes them, from its windows and the accounts' own baselines; the detector has them
from all tasks. They are kept in single precision: no feature is known more exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection.baseline import TRACKED
from stream.accounts.features.table import FEATURES
from stream.core.errors import PacketError
from stream.core.findings import AccountObservation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import AccountSlots, Array, Fingerprints, Floats, Positions

#: One observation.
OBSERVED: Final = np.dtype(
    [
        ("first_seen", "<f8"),  # epoch seconds
        ("plan", "<u4"),  # keyed fingerprint, 0 when unknown
        ("features", "<f4", (len(FEATURES),)),  # in the features' units, NaN where unknown
        ("own", "<f4", (len(TRACKED),)),  # surprisal of a rise over the own baseline, hartleys
        ("own_mean", "<f4", (len(TRACKED),)),  # that baseline on the fixed scale, NaN without one
        ("new_ratio", "<f4"),  # as ``own``, of the output ratio of new content alone
    ]
)


@dataclass(frozen=True, slots=True)
class Observations:
    """n distinct accounts at the end of one window."""

    accounts: Sequence[str]
    rows: Array  # (n,), OBSERVED

    def __len__(self) -> int:
        """Return the number of accounts."""
        return len(self.accounts)

    def take(self, index: Positions | slice) -> Observations:
        """Return the observations at ``index``."""
        kept = np.arange(len(self))[index].tolist()
        return Observations([self.accounts[i] for i in kept], self.rows[index])

    def pack(self, time: float) -> list[AccountObservation]:
        """Return them as they travel; ``time`` is the end of the window, epoch seconds."""
        return [
            AccountObservation(account, time, row.tobytes())
            for account, row in zip(self.accounts, self.rows, strict=True)
        ]

    @classmethod
    def unpack(cls, packed: Sequence[AccountObservation]) -> Observations:
        """Return what :meth:`pack` gave, by account; raises PacketError for another size."""
        ordered = sorted(packed, key=lambda one: one.account_id)
        check(ordered)
        rows = np.frombuffer(b"".join(one.row for one in ordered), OBSERVED)
        return cls([one.account_id for one in ordered], rows)


def check(packed: Sequence[AccountObservation]) -> None:
    """Raise PacketError when an observation has another size."""
    if any(len(one.row) != OBSERVED.itemsize for one in packed):
        raise PacketError(f"an observation that has not {OBSERVED.itemsize} bytes")


@dataclass(frozen=True, slots=True)
class ObservedAccounts:
    """The same accounts in the detector's table, in double precision."""

    slots: AccountSlots  # (n,)
    plans: Fingerprints  # (n,), 0 when unknown
    matrix: Floats  # (n, F), in the features' units
    own: Floats  # (n, len(TRACKED)), as in OBSERVED
    own_mean: Floats  # (n, len(TRACKED))
    new_ratio: Floats  # (n,)

    @classmethod
    def of(cls, slots: AccountSlots, rows: Array) -> ObservedAccounts:
        """Return rows (n,) of :data:`OBSERVED` with their slots."""
        doubles = (
            rows[name].astype(np.float64) for name in ("features", "own", "own_mean", "new_ratio")
        )
        return cls(slots, rows["plan"].astype(np.uint64), *doubles)
