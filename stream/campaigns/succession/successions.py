"""Successions: turnovers in; links between accounts that took over from each other out.

The links of a lineage are an indicator like others, so that a succession can found a cluster or
join one. They are what the turnovers of the last days show now: an account that comes back loses
its link.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.windows.sketches import DAY_S
from stream.campaigns.succession.figures import SuccessionFigures
from stream.campaigns.succession.known_accounts import KnownAccounts
from stream.campaigns.succession.lineages import MOST_PAIRS, Lineage, lineages
from stream.campaigns.succession.pairs import Pairs
from stream.core.findings import Group, Member
from stream.core.links import SPREAD, LinkKind
from stream.core.traffic import COUNTS, TRAFFIC, rows_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.metrics import CampaignsMetrics
    from stream.campaigns.settings import CampaignSettings
    from stream.core.batch import Floats, Positions
    from stream.core.findings import Turnover

#: Missing traffic is counted in requests, and in these, so that a busy account has to be gone for
#: minutes, too (assumed).
_LEAST_GAP_S: Final = 120.0
#: The pace of accounts that live hours is compared with that of others by the day, if they live at
#: least this long (assumed: a quarter of a day shows it).
_LEAST_LIFE_S: Final = 6 * 3600.0
_NOTHING: Final = bytes(COUNTS.itemsize)


class Successions:
    """The successions among all known accounts, as of the last :meth:`find`."""

    #: What stored rows consist of.
    layout: Final = KnownAccounts.layout

    def __init__(self, settings: CampaignSettings, *, metrics: CampaignsMetrics) -> None:
        """Start without any."""
        self._remember_s = settings.remember_s
        self._limit_hits = metrics.limit_hits_total.labels(limit="turnovers")
        self._known = KnownAccounts(remember_s=settings.remember_s, metrics=metrics)
        self._rows: list[Turnover] = []
        self._pairs: Pairs | None = None
        self._lineages: list[Lineage] = []
        self._searched = 0

    def add(self, turnovers: Sequence[Turnover]) -> None:
        """Take in the turnovers of a window."""
        self._known.add(turnovers)

    def confirm(self, accounts: Sequence[str], *, until: float) -> None:
        """Note that a person has confirmed accounts until then; 0 withdraws it."""
        self._known.confirm(accounts, until=until)

    def forget(self, accounts: Collection[str]) -> None:
        """Forget accounts; what was found stays so until the next :meth:`find`."""
        self._known.forget(accounts)

    def find(self, time: float) -> list[Group]:
        """Find the successions at ``time``; return the links that there are now."""
        self._rows, sample = self._known.at(time)
        self._pairs, self._lineages = None, []
        is_new = np.array([self._known.is_new(row) for row in self._rows], bool)
        if not is_new.any():
            return []
        self._pairs = pairs = Pairs.find(self._rows, is_new, sample)
        chosen = np.argsort(pairs.began[pairs.successor], kind="stable")
        self._limit_hits.inc(len(chosen[:-MOST_PAIRS]))
        watched_s = min(max(time - self._known.origin, 0.0), self._remember_s)
        confirmed = [self._known.is_confirmed(row.account_id) for row in self._rows]
        self._lineages, self._searched = lineages(
            pairs,
            chosen[-MOST_PAIRS:],
            watched_s=watched_s,
            confirmed=np.array(confirmed, bool),
        )
        return [self._group(time, pairs, one) for one in self._lineages]

    def figures(self, graph: BipartiteGraph) -> SuccessionFigures:
        """Return the figures of the successions found; their links are in ``graph``."""
        pairs = self._pairs
        if pairs is None or not self._lineages:
            return SuccessionFigures.none()
        at = np.concatenate([one.pairs for one in self._lineages])
        before, after = pairs.predecessor[at], pairs.successor[at]
        slots = graph.find_accounts([row.account_id for row in self._rows])
        known = (slots[before] >= 0) & (slots[after] >= 0)
        lineage = np.repeat(
            np.arange(len(self._lineages)), [len(one.pairs) for one in self._lineages]
        )
        confirmed = [self._known.is_confirmed(self._rows[i].account_id) for i in before.tolist()]
        return SuccessionFigures(
            predecessor=slots[before][known],
            successor=slots[after][known],
            silent_since=pairs.silent_since[before][known],
            interruption=_interruption(pairs, at)[known],
            confirmed=np.array(confirmed, bool)[known],
            lineage=lineage[known],
            lineages=self._lineages,
            searched=self._searched,
        )

    def _group(self, time: float, pairs: Pairs, lineage: Lineage) -> Group:
        """Return a lineage as accounts that share an indicator, named by its first account."""
        before, after = pairs.predecessor[lineage.pairs], pairs.successor[lineage.pairs]
        successors = {*after.tolist()}
        accounts = sorted(successors | {*before.tolist()})
        members = [_member(self._rows[i], took_over=i in successors) for i in accounts]
        first = self._rows[int(before[0])].account_id
        return Group(
            kind=LinkKind.SUCCESSION,
            value=(zlib.crc32(first.encode()) + 1) * int(SPREAD) % 2**64,
            time=time,
            since=min(member.since for member in members),
            size=len(members),
            members=members,
        )

    # -- durable rows -------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        return self._known.take_changes()

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; then :meth:`loaded`."""
        self._known.load(rows)

    def loaded(self) -> None:
        """Continue with what was loaded: :meth:`find` finds the same again."""


def _interruption(pairs: Pairs, at: Positions) -> Floats:
    """Return what each pair did not serve in between, in requests and in minutes; the lesser."""
    gap_s = pairs.interruption_s[at]
    per_s = pairs.profiles.per_hour[pairs.predecessor[at]] / 3600
    return np.asarray(np.minimum(gap_s * per_s, gap_s / _LEAST_GAP_S))


def _member(row: Turnover, *, took_over: bool) -> Member:
    """Return an account of a lineage: since it took over, or fell silent."""
    traffic = rows_of(TRAFFIC, [row.traffic])
    silent = row.time if row.silent_since is None else row.silent_since
    return Member(
        account_id=row.account_id,
        since=row.first_seen if took_over else silent,
        last=row.time,
        requests=int(traffic["total"]["requests"][0]),
        organization=row.organization,
        created_at=row.created_at,
        first_seen=row.first_seen,
        day_requests=row.day_requests * max(DAY_S / max(silent - row.first_seen, _LEAST_LIFE_S), 1),
        active_hours=row.active_hours,
        before=_NOTHING if took_over else traffic["total"].tobytes(),
        traffic=row.traffic,
    )
