"""Contexts handed over between light accounts: turns in; links between accounts that take over out.

A pair of accounts shows nothing: numbers of tokens coincide. Accounts are linked when more of them
take over what others produced than chance explains, all at once and as it is found now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.contexts.chance import expected, sizes, takes_over
from stream.campaigns.contexts.figures import ContextFigures
from stream.campaigns.contexts.takers import Takers
from stream.campaigns.contexts.turns import RecentTurns
from stream.core.findings import Group
from stream.core.links import LinkKind, half_days

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.metrics import CampaignsMetrics
    from stream.core.findings import LightTurns, Member

#: Accounts are linked from this -ln p of their number. Assumed: one in 400, with 288 looks a day at
#: much the same matches.
_LINKED: Final = 6.0
#: Part of the linked accounts that may be there by chance (false discovery rate; Benjamini and
#: Hochberg, JRSS B 1995): the target of the precision of accused accounts.
_BY_CHANCE: Final = 0.05
_PREFIX: Final = b"x"
_ACCOUNT: Final = b"a"
_TURNS: Final = b"t"


class ContextHandovers:
    """Who takes contexts over, as of the last :meth:`find`."""

    #: What stored rows consist of.
    layout: Final = {
        **RecentTurns.layout,
        **Takers.layout,
    }

    def __init__(self, *, metrics: CampaignsMetrics) -> None:
        """Start without any."""
        self._limit_hits = metrics.limit_hits_total.labels(limit="turns")
        self._recent = RecentTurns()
        self._takers = Takers()

    def add(self, rows: Sequence[LightTurns]) -> None:
        """Take in the turns of a window, in any order of accounts."""
        self._recent.add(rows)
        self._takers.add(row.member for row in rows)

    def forget(self, accounts: Collection[str]) -> None:
        """Forget accounts, their turns and their matches."""
        self._recent.forget(accounts)
        self._takers.forget_accounts(accounts)

    def find(self, time: float) -> list[Group]:
        """Match the contexts up to ``time``; return the links that there are now."""
        if self._recent.due(time):
            matches, dropped = self._recent.match(time)
            self._takers.note(matches)
            self._limit_hits.inc(dropped + self._takers.forget(time))
        names, before, after = self._takers.met()
        which = takes_over(before, after)
        found = sizes(which.sum(axis=1), expected(before, after))
        # The levels go from the loosest to the strictest one.
        for take_over, size in zip(which, found, strict=True):
            if size.log_p >= _LINKED and size.by_chance(len(names)) <= _BY_CHANCE:
                linked = [names[i] for i in np.flatnonzero(take_over).tolist()]
                return [*_groups(time, self._takers.members(linked))]
        return []

    def figures(self, graph: BipartiteGraph) -> ContextFigures:
        """Return the figures of the last :meth:`find`; accounts are those of ``graph``."""
        names, before, after = self._takers.met()
        slots = graph.find_accounts(names)
        known = slots >= 0
        return ContextFigures(slots[known], before[known], after[known], expected(before, after))

    # -- durable rows -------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        return [
            *((_PREFIX + _TURNS, row) for row in self._recent.take_changes()),
            *((_PREFIX + _ACCOUNT + key, row) for key, row in self._takers.take_changes()),
        ]

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; keys of others are ignored."""
        for key, row in rows:
            if key[:2] == _PREFIX + _ACCOUNT:
                self._takers.load(key[2:], row)
            elif key[:2] == _PREFIX + _TURNS and row is not None:
                self._recent.load(row)

    def loaded(self) -> None:
        """Continue with what was loaded: :meth:`find` finds the same again."""


def _groups(time: float, members: list[Member]) -> Iterable[Group]:
    """Yield the accounts as two groups: of the days around ``time``, as topics are."""
    for day in half_days(np.array([time])):
        yield Group(
            kind=LinkKind.CONTEXT,
            value=int(day[0]),
            time=time,
            since=min(member.since for member in members),
            size=len(members),
            members=members,
        )
