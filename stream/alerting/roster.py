"""The accounts of a campaign incident: its members, certain or likely, and those beside them.

Only members are accused: severity, figures, verdicts and suppressions know of no others. The
peripheral accounts are named in alerts, and nothing is done about them. What was found last holds,
for as long as there is no newer evidence on an account.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from stream.core.alerts import Degrees
from stream.core.membership import Degree, accused

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from stream.campaigns.types import Records


@dataclass(frozen=True, slots=True)
class Roster:
    """Accounts, ascending, and a row of MEMBERSHIP for each, shape ``(n,)``."""

    names: list[str]
    rows: Records

    @classmethod
    def of(cls, names: Sequence[str], rows: Records) -> Self:
        """Return distinct accounts, in any order, with their rows."""
        order = sorted(range(len(names)), key=names.__getitem__)
        return cls([names[i] for i in order], rows[order])

    def updated(self, names: Sequence[str], rows: Records) -> Self:
        """Return it with what is known now of some accounts."""
        known = rows["degree"] != Degree.UNKNOWN
        newer = dict(zip(names, known.tolist(), strict=True))
        kept = [i for i, name in enumerate(self.names) if not newer.get(name, False)]
        now = np.flatnonzero(known).tolist()
        return self.of(
            [*(self.names[i] for i in kept), *(names[i] for i in now)],
            np.concatenate([self.rows[kept], rows[now]]),
        )

    def united(self, other: Roster) -> Self:
        """Return the accounts of both, each as sure as in either."""
        mine = dict(zip(self.names, self.rows["degree"].tolist(), strict=True))
        surer = [
            i
            for i, name in enumerate(other.names)
            if int(other.rows["degree"][i]) > mine.get(name, Degree.UNKNOWN)
        ]
        return self.updated([other.names[i] for i in surer], other.rows[surer])

    def without(self, accounts: Collection[str]) -> Self:
        """Return all but some accounts."""
        kept = [i for i, name in enumerate(self.names) if name not in accounts]
        return type(self)([self.names[i] for i in kept], self.rows[kept])

    def bounded(self, most: int, before: Sequence[str]) -> Self:
        """Return the surest, at most ``most``; of equally sure ones those that came ``before``."""
        if len(self.names) <= most:
            return self
        known = set(before)
        new = np.fromiter((name not in known for name in self.names), bool, len(self.names))
        order = np.lexsort((new, -self.rows["degree"].astype(np.int64)))
        kept = np.sort(order[:most])
        return type(self)([self.names[i] for i in kept.tolist()], self.rows[kept])

    @property
    def counts(self) -> Degrees:
        """Return the number of accounts of each degree."""
        count = np.bincount(self.rows["degree"], minlength=Degree.CERTAIN + 1).tolist()
        return Degrees(count[Degree.CERTAIN], count[Degree.LIKELY], count[Degree.PERIPHERAL])

    def part(self, *, accused_ones: bool) -> tuple[list[str], bytes]:
        """Return the accounts that are accused, or the others, and their rows as stored."""
        which = np.flatnonzero(accused(self.rows) == accused_ones)
        return [self.names[i] for i in which.tolist()], self.rows[which].tobytes()
