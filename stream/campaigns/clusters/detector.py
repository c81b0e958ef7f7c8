"""Clusters: groups of all tasks put together, judged, and kept apart from one another over time.

A value of content that looks suspicious by its accounts, or a core of accounts with many values
in common, starts a cluster or joins the one whose members it shares. A cluster keeps its id while
it lives: when two meet, the older stays. Says nothing to anybody: incidents do.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from stream.campaigns.clusters.cluster_assignment import ClusterAssignment, ClusterState, ValueId
from stream.campaigns.clusters.group_novelty import GroupNovelty
from stream.campaigns.clusters.member_traffic import member_traffic
from stream.campaigns.clusters.shared_indicators import shared_indicators
from stream.campaigns.graph.cooccurrence import cores
from stream.campaigns.graph.membership import cards, core_values, own_evidence
from stream.campaigns.graph.phrase_cooccurrence import phrases_of
from stream.campaigns.graph.snapshot import CONTENT, LINKING, Snapshot
from stream.campaigns.links.durable import DurableEdges
from stream.campaigns.links.edges import OF_ACCOUNT
from stream.campaigns.population.reference_population import ReferencePopulation
from stream.campaigns.scoring.features import ClusterMembers, features
from stream.campaigns.scoring.score import TOO_FEW_MEMBERS, ClusterScore, score
from stream.core.links import SPREAD, LinkKind
from stream.core.thresholds import DEFAULT_THRESHOLDS, ScoreThresholds
from stream.core.traffic import COUNTS, TRAFFIC, rows_of
from stream.store.order import cumcount

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.campaigns.metrics import CampaignsMetrics
    from stream.campaigns.scoring.features import ClusterFeatures
    from stream.campaigns.settings import CampaignSettings
    from stream.core.batch import Array
    from stream.core.findings import Evidence, Group, Member, Shared

_CLUSTER: Final = b"c"
_CLOCK: Final = b"k"
_USUAL: Final = b"u"
#: Below this score a group is harmless, and teaches what groups are usually like.
_HARMLESS_SCORE: Final = 0.2
#: Kinds of which one value may found a cluster.
_ALONE: Final = (*CONTENT, LinkKind.TURN)
#: What one judging looks at, so that it takes no longer however much is shared.
MOST_CANDIDATES: Final = 256
MOST_CLUSTERS: Final = 1000
MOST_VALUES: Final = 16_384  # of one cluster


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster as judged now; ``members`` in ascending order."""

    campaign_id: str
    founded: float
    since: float  # first use of a linking value by a member
    last: float  # last use
    score: float
    evidence: list[Evidence]
    members: list[str]
    reports: Array  # what each of the members did, MEMBER_TRAFFIC
    kinds: list[LinkKind]  # of its values
    payments: int  # payments that pay for several members
    shared: list[Shared]  # what members have in common; none while nobody would be told of it
    absorbed: list[str]  # ids of clusters that this one has taken in


class _Clock(msgspec.Struct, frozen=True, kw_only=True):
    origin: float
    due: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    values: Array  # slots
    members: Array  # slots
    first: ValueId  # the least of its values


class ClusterDetector:
    """All clusters of the system."""

    #: What stored rows consist of.
    LAYOUT: Final = {
        **DurableEdges.LAYOUT,
        "Cluster": " ".join(ClusterState.__struct_fields__),
        "Clock": " ".join(_Clock.__struct_fields__),
    }

    def __init__(
        self,
        settings: CampaignSettings,
        *,
        metrics: CampaignsMetrics,
        thresholds: ScoreThresholds = DEFAULT_THRESHOLDS,
        among: ClusterDetector | None = None,
    ) -> None:
        """Start empty; a candidate of ``thresholds.clear_score`` founds or joins a cluster.

        Accounts are compared with those that ``among`` knows as well.
        """
        self._settings = settings
        self._thresholds = thresholds
        self._among = among
        self._limit_hits = metrics.limit_hits_total
        self._judged = False
        self._table = DurableEdges(max_edges=2 * settings.max_links)
        self._kept: dict[str, ClusterState] = {}
        self._stored: dict[bytes, bytes] = {}
        self._usual: GroupNovelty = GroupNovelty() if among is None else among._usual  # noqa: SLF001
        self._origin = math.inf
        #: When judging is due, a multiple of the interval; inf while nothing has changed.
        self.due = math.inf

    # -- taking in ----------------------------------------------------------------------------

    def add(self, time: float, groups: list[Group]) -> None:
        """Take in the groups of the step that ends at ``time``, in any order."""
        found = {(g.kind, g.value, m.account_id): (g, m) for g in groups for m in g.members}
        if not found:
            return
        rows = [found[key] for key in sorted(found)]
        table = self._table
        self._origin = min(self._origin, *(group.since for group in groups))
        values = table.value_slots([g.kind for g, _ in rows], [g.value for g, _ in rows])
        accounts = table.account_slots([m.account_id for _, m in rows])
        edges = table.edge_slots(values, accounts, most=self._settings.max_members)
        kept = np.flatnonzero(edges >= 0)
        if len(kept) < len(edges):
            self._limit_hits.labels(limit="links").inc(len(edges) - len(kept))
            table.forget_unlinked(accounts)
        edges, members = edges[kept], [rows[i][1] for i in kept.tolist()]
        for name in ("since", "last", "requests"):
            table.edges[name][edges] = [getattr(member, name) for member in members]
        table.edges["before"][edges] = rows_of(COUNTS, [m.before for m in members])
        table.touch(edges)
        table.note_accounts(accounts[kept], _of_accounts(members))
        table.note_traffic(accounts[kept], rows_of(TRAFFIC, [m.traffic for m in members]))
        table.values["dirty"][values] = True
        table.shrink()
        every = self._settings.judge_every_s
        self.due = min(self.due, math.ceil(time / every) * every)

    # -- what feedback asks ---------------------------------------------------------------------

    def values_of(self, campaign_id: str) -> set[ValueId]:
        """Return the values that link the members of a cluster; none when there is none."""
        kept = self._kept.get(campaign_id)
        return set() if kept is None else kept.values

    def users(self, values: Iterable[ValueId]) -> dict[ValueId, set[str]]:
        """Return the accounts that use each of some values."""
        table = self._table
        values = [*values]
        found = dict(zip(values, table.find_values(values).tolist(), strict=True))
        by_slot: dict[int, set[str]] = {slot: set() for slot in found.values() if slot >= 0}
        if not by_slot:
            return {}
        edges = table.edges_of(np.array([*by_slot], np.int64))
        names = table.names(table.edges["account"][edges])
        for slot, name in zip(table.edges["value"][edges].tolist(), names, strict=True):
            by_slot[slot].add(name)
        return {value: by_slot[slot] for value, slot in found.items() if slot >= 0}

    # -- judging ------------------------------------------------------------------------------

    def judge(self, time: float) -> list[Cluster]:
        """Form clusters from what is known at ``time``; return all, ordered by id."""
        self.due = math.inf
        table = self._table
        table.expire(time - self._settings.remember_s)
        everybody = self._everybody(time)
        snapshot = everybody.snapshot
        belonging = ClusterAssignment(self._kept, table, snapshot)
        for candidate in self._candidates(everybody):
            belonging.place(
                ClusterState(
                    campaign_id=_name(candidate.first, time),
                    founded=time,
                    values=set(self._ids(candidate.values)),
                    members=set(table.names(candidate.members)),
                )
            )
        belonging.unite()
        clusters = [self._cluster(kept, everybody) for kept in self._kept.values()]
        clusters = self._most_suspicious([c for c in clusters if c.members])
        self._kept = {c.campaign_id: self._kept[c.campaign_id] for c in clusters}
        self._judged = True
        if self._teaches(time):
            told = {
                name
                for c in clusters
                if c.score >= self._thresholds.clear_score
                for name in c.members
            }
            self._usual.learn(time, table.find_accounts([*told]))
        return clusters

    def _everybody(self, time: float) -> ReferencePopulation:
        """Return what all known accounts are like; it changes none of them."""
        if self._among is not None:
            self._origin = min(self._origin, self._among._origin)  # noqa: SLF001 - of the same kind
        snapshot = Snapshot.of(self._table, time)
        everybody = ReferencePopulation.of(
            self._table, snapshot, self._settings, origin=self._origin
        )
        if self._among is None:
            return everybody
        return everybody.among(self._among._everybody(time))  # noqa: SLF001

    def _most_suspicious(self, clusters: list[Cluster]) -> list[Cluster]:
        """Return as many clusters as are remembered, ordered by id."""
        clusters.sort(key=lambda c: (-c.score, c.founded, c.campaign_id))
        self._limit_hits.labels(limit="clusters").inc(len(clusters[MOST_CLUSTERS:]))
        return sorted(clusters[:MOST_CLUSTERS], key=lambda c: c.campaign_id)

    def _candidates(self, everybody: ReferencePopulation) -> list[_Candidate]:
        table, snapshot = self._table, everybody.snapshot
        values = table.values
        changed = values.used & values["changed"]
        values["dirty"][changed] = True
        values["changed"][:] = False
        large = values["size"] >= self._settings.min_members
        alone = np.flatnonzero(np.isin(values["kind"], _ALONE) & large & changed)
        sets = [np.array([value]) for value in self._in_turn(alone, snapshot).tolist()]
        if (changed & np.isin(values["kind"], LINKING)).any():
            sets += self._core_values(snapshot)
        met = everybody.acquaintances
        sets += [phrases_of(snapshot, core) for core in self._large(met.cores)]
        sets += [core_values(snapshot, core) for core in self._large(met.near)]
        if (changed & (values["kind"] == LinkKind.PAYMENT)).any():
            sets += everybody.cohorts.find()
        found = [self._weigh(everybody, values) for values in sets if len(values)]
        good = [candidate for candidate in found if candidate]
        return sorted(good, key=lambda c: (-len(c.members), c.first))

    def _in_turn(self, values: Array, snapshot: Snapshot) -> Array:
        """Return the values (slots) to judge now; the others stay changed for the next time.

        Whoever shares many values with the same accounts waits longest, and who waits is drawn
        anew each time, so that nobody is kept waiting on purpose.
        """
        if len(values) <= MOST_CANDIDATES:
            return values
        names = dict(zip(values.tolist(), self._ids(values), strict=True))
        told = set().union(*(kept.values for kept in self._kept.values()))
        values = np.array([slot for slot, name in names.items() if name not in told], np.int64)
        hashes = self._table.accounts["hash"][snapshot.account]
        spans = zip(snapshot.start[values].tolist(), snapshot.stop[values].tolist(), strict=True)
        lead = np.array([hashes[start:stop].min() for start, stop in spans])
        number = self._table.values["value"][values] ^ np.uint64(snapshot.time)
        drawn = np.argsort(number * SPREAD, kind="stable")
        order = drawn[np.argsort(cumcount(lead[drawn]), kind="stable")]
        chosen, waiting = np.split(values[order], [MOST_CANDIDATES])
        if len(waiting):
            self._table.values["changed"][waiting] = True
            self.due = snapshot.time + self._settings.judge_every_s
            self._limit_hits.labels(limit="candidates").inc(len(waiting))
        return np.sort(chosen)

    def _large(self, cores: list[Array]) -> list[Array]:
        return [core for core in cores if len(core) >= self._settings.min_members]

    def _core_values(self, snapshot: Snapshot) -> list[Array]:
        """Return the values (slots) of each core; of the largest cores when there are many."""
        found = self._large(cores(self._table, snapshot))
        if len(found) > MOST_CANDIDATES:
            hashes = self._table.accounts["hash"]
            found.sort(key=lambda core: (-len(core), int(hashes[core].min())))
            self._limit_hits.labels(limit="candidates").inc(len(found) - MOST_CANDIDATES)
        return [core_values(snapshot, core) for core in found[:MOST_CANDIDATES]]

    def _weigh(self, everybody: ReferencePopulation, values: Array) -> _Candidate | None:
        """Return a candidate, None where values (slots) link too few accounts or prove nothing."""
        members, since = own_evidence(self._table, everybody.snapshot, values)
        if len(members) < self._settings.min_members:
            return None
        found = self._features(everybody, ClusterMembers(members, since, self._kinds(values)))
        # Harmless whatever the budget is, and however usual.
        if self._teaches(everybody.snapshot.time) and score(found).score < _HARMLESS_SCORE:
            self._usual.note(members, found)
        if self._score(found).score < self._thresholds.clear_score:
            return None
        return _Candidate(values, members, self._ids(self._in_order(values)[:1])[0])

    def _kinds(self, values: Array) -> frozenset[int]:
        return frozenset(self._table.values["kind"][values].tolist())

    def _teaches(self, time: float) -> bool:
        """Say whether what is usual is learnt from this judging; drills teach nothing."""
        return self._among is None and self._usual.due(time)

    def _features(self, everybody: ReferencePopulation, members: ClusterMembers) -> ClusterFeatures:
        return features(self._table, everybody, members, origin=self._origin)

    def _score(self, found: ClusterFeatures) -> ClusterScore:
        return score(
            found,
            novelty=self._usual.unlike(found),
            budget=self._settings.alerts_budget,
            thresholds=self._thresholds,
        )

    def _cluster(self, kept: ClusterState, everybody: ReferencePopulation) -> Cluster:
        table, snapshot = self._table, everybody.snapshot
        slots = table.find_values([*kept.values])
        values = self._most_used(self._in_order(slots[slots >= 0]))
        if len(values) < len(kept.values):
            kept.values = set(self._ids(values))
        members, since = own_evidence(table, snapshot, values)
        names = set(table.names(members))
        others = table.known(kept.members - names)
        kept.members = self._most_certain(names, others)
        scored = (
            self._score(
                self._features(everybody, ClusterMembers(members, since, self._kinds(values)))
            )
            if len(members) >= self._settings.min_members
            else TOO_FEW_MEMBERS
        )
        at = snapshot.at(values)
        at = at[np.isin(snapshot.account[at], members)]
        everyone = sorted(kept.members)
        return Cluster(
            campaign_id=kept.campaign_id,
            founded=kept.founded,
            since=float(since.min(initial=snapshot.time)),
            last=float(table.edges["last"][snapshot.edges[at]].max(initial=-np.inf)),
            score=scored.score,
            evidence=scored.evidence,
            members=everyone,
            reports=member_traffic(table, snapshot, at, everyone),
            kinds=sorted({LinkKind(kind) for kind, _ in kept.values}),
            payments=cards(snapshot, members),
            shared=(
                shared_indicators(table, snapshot, members, values)
                if scored.score >= self._thresholds.clear_score
                else []
            ),
            absorbed=list(kept.absorbed),
        )

    def _most_used(self, values: Array) -> Array:
        """Return as many values (slots) as a cluster remembers, in the given order."""
        if len(values) <= MOST_VALUES:
            return values
        self._limit_hits.labels(limit="indicators").inc(len(values) - MOST_VALUES)
        most = np.argsort(-self._table.values["size"][values], kind="stable")[:MOST_VALUES]
        return np.asarray(values[np.sort(most)])

    def _most_certain(self, names: set[str], others: set[str]) -> set[str]:
        """Return as many members as a cluster remembers: first those with evidence now."""
        most = self._settings.max_campaign_accounts
        if len(names) + len(others) <= most:
            return names | others
        self._limit_hits.labels(limit="members").inc(len(names) + len(others) - most)
        return set([*sorted(names), *sorted(others)][:most])

    def _in_order(self, values: Array) -> Array:
        """Return values (slots) in the order of their ids."""
        kinds, numbers = self._table.values["kind"][values], self._table.values["value"][values]
        return np.asarray(values[np.lexsort((numbers, kinds))])

    def _ids(self, values: Array) -> list[ValueId]:
        kinds, numbers = self._table.values["kind"][values], self._table.values["value"][values]
        return [*zip(kinds.tolist(), numbers.tolist(), strict=True)]

    # -- durable rows -------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        clock = _Clock(origin=self._origin, due=self.due)
        if self._judged:  # nothing else changes a cluster
            now = {_CLUSTER + name.encode(): _pack(kept) for name, kept in self._kept.items()}
            if self._among is None and (usual := self._usual.state()):
                now[_USUAL] = usual
            self._judged = False
        else:
            now = {key: row for key, row in self._stored.items() if key != _CLOCK}
        if self._origin < math.inf:
            now[_CLOCK] = msgspec.msgpack.encode(clock)
        changed = [(k, row) for k, row in sorted(now.items()) if self._stored.get(k) != row]
        gone = [(key, None) for key in sorted(self._stored) if key not in now]
        self._stored = now
        return [*self._table.take_changes(), *changed, *gone]

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; then :meth:`loaded`."""
        rows = list(rows)
        self._table.load(rows)
        for key, row in rows:
            if key[:1] not in {_CLUSTER, _CLOCK, _USUAL}:
                continue
            if row is None:
                self._stored.pop(key, None)
            else:
                self._stored[key] = row

    def loaded(self) -> None:
        """Say that all rows are loaded."""
        self._table.loaded()
        for key, row in self._stored.items():
            if key == _CLOCK:
                clock = msgspec.msgpack.decode(row, type=_Clock)
                self._origin, self.due = clock.origin, clock.due
            elif key == _USUAL:
                self._usual.restore(row)
            else:
                kept = msgspec.msgpack.decode(row, type=ClusterState)
                self._kept[kept.campaign_id] = kept


def _of_accounts(members: list[Member]) -> dict[str, Array]:
    """Return what members say of their accounts, as columns of shape ``(n,)``."""
    columns = {name: [getattr(member, name) for member in members] for name in OF_ACCOUNT}
    # None becomes NaN where floats are asked for.
    return {name: np.array(values, OF_ACCOUNT[name]) for name, values in columns.items()}


def _name(value: ValueId, time: float) -> str:
    """Return an id that the same events always give: of the founding value and time."""
    cause = msgspec.msgpack.encode(("campaign", value, time))
    return "cmp_" + hashlib.blake2b(cause, digest_size=8).hexdigest()


def _pack(kept: ClusterState) -> bytes:
    return msgspec.msgpack.encode(kept, order="deterministic")
