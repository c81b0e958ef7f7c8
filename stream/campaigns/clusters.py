"""Clusters: groups of all lanes put together, judged, and kept apart from one another over time.

A value of content that looks suspicious by its accounts, or a core of accounts with many values
in common, starts a cluster or joins the one whose members it shares. A cluster keeps its id while
it lives: when two meet, the older stays. Says nothing to anybody: incidents do.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from stream.campaigns.durable import DurableEdges
from stream.campaigns.features import Joined, features
from stream.campaigns.judge import Judgement, judge
from stream.campaigns.membership import cards, core_values, observed, own_evidence
from stream.campaigns.partners import cores
from stream.campaigns.snapshot import CONTENT, LINKING, Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.campaigns.settings import CampaignSettings
    from stream.types.batch import Array
    from stream.types.verdicts import Evidence, Group, Observed

_CLUSTER: Final = b"c"
_CLOCK: Final = b"k"
#: From this score a candidate may found or join a cluster.
_CANDIDATE_SCORE: Final = 0.5
#: A candidate that shares this part of its members' owners with a cluster belongs to it.
_OVERLAP: Final = 0.1
_LEAST_OVERLAP: Final = 2

ValueId = tuple[int, int]


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
    observed: Observed
    kinds: list[int]  # LinkKind of its values
    payments: int  # payments that pay for several members
    absorbed: list[str]  # ids of clusters that this one has taken in


class _Kept(msgspec.Struct, kw_only=True):
    """What is remembered of a cluster."""

    campaign_id: str
    founded: float
    values: set[ValueId]
    members: set[str]
    absorbed: list[str] = []


class _Clock(msgspec.Struct, frozen=True, kw_only=True):
    origin: float
    due: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    values: Array  # slots
    members: Array  # slots
    judgement: Judgement


class Clusters:
    """All clusters of the system."""

    #: What stored rows consist of.
    LAYOUT: Final = {
        **DurableEdges.LAYOUT,
        "Cluster": " ".join(_Kept.__struct_fields__),
        "Clock": " ".join(_Clock.__struct_fields__),
    }

    def __init__(self, settings: CampaignSettings) -> None:
        """Start empty."""
        self._settings = settings
        self._table = DurableEdges(max_edges=2 * settings.max_links)
        self._kept: dict[str, _Kept] = {}
        self._stored: dict[bytes, bytes] = {}
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
        edges, members = edges[kept], [rows[i][1] for i in kept.tolist()]
        for name in ("since", "last", "requests", "input_tokens", "output_tokens"):
            table.edges[name][edges] = [getattr(member, name) for member in members]
        table.touch(edges)
        table.note_accounts(
            accounts[kept],
            [np.nan if m.created_at is None else m.created_at for m in members],
            [m.day_requests for m in members],
            [m.active_hours for m in members],
        )
        table.values["dirty"][values] = True
        table.shrink()
        every = self._settings.judge_every_s
        self.due = min(self.due, math.ceil(time / every) * every)

    # -- judging ------------------------------------------------------------------------------

    def judge(self, time: float) -> list[Cluster]:
        """Form clusters from what is known at ``time``; return all, ordered by id."""
        self.due = math.inf
        table = self._table
        table.expire(time - self._settings.remember_s)
        snapshot = Snapshot.of(table, time)
        for candidate in self._candidates(snapshot):
            self._place(candidate, snapshot)
        self._unite(snapshot)
        clusters = [self._cluster(kept, snapshot) for kept in self._in_order()]
        self._kept = {c.campaign_id: self._kept[c.campaign_id] for c in clusters if c.members}
        return sorted((c for c in clusters if c.members), key=lambda c: c.campaign_id)

    def _in_order(self) -> list[_Kept]:
        return sorted(self._kept.values(), key=lambda kept: (kept.founded, kept.campaign_id))

    def _candidates(self, snapshot: Snapshot) -> list[_Candidate]:
        table, least = self._table, self._settings.min_members
        values = table.values
        changed = values.used & values["changed"]
        values["dirty"][changed] = True
        values["changed"][:] = False
        content = np.isin(values["kind"], CONTENT) & (values["size"] >= least) & changed
        sets = [np.array([value]) for value in np.flatnonzero(content).tolist()]
        if (changed & np.isin(values["kind"], LINKING)).any():
            sets += [core_values(snapshot, core) for core in cores(table, snapshot)
                     if len(core) >= least]  # fmt: skip
        found = [self._weigh(snapshot, values) for values in sets if len(values)]
        good = [c for c in found if c and c.judgement.score >= _CANDIDATE_SCORE]
        return sorted(good, key=lambda c: (-len(c.members), min(self._ids(c.values))))

    def _weigh(self, snapshot: Snapshot, values: Array) -> _Candidate | None:
        members, since = own_evidence(self._table, snapshot, values)
        if len(members) < self._settings.min_members:
            return None
        return _Candidate(values, members, self._judge(snapshot, Joined(members, since)))

    def _judge(self, snapshot: Snapshot, joined: Joined) -> Judgement:
        return judge(
            features(
                self._table,
                snapshot,
                joined,
                origin=self._origin,
                young_s=self._settings.young_s,
            )
        )

    def _place(self, candidate: _Candidate, snapshot: Snapshot) -> None:
        """Put a candidate into the oldest cluster it belongs to, or found one."""
        new = _Kept(
            campaign_id=_name(min(self._ids(candidate.values)), snapshot.time),
            founded=snapshot.time,
            values=set(self._ids(candidate.values)),
            members=set(self._table.names(candidate.members)),
        )
        for kept in self._in_order():
            if self._belong_together(kept, new, snapshot):
                kept.values |= new.values
                kept.members |= new.members
                return
        self._kept[new.campaign_id] = new

    def _unite(self, snapshot: Snapshot) -> None:
        """Let older clusters take in younger ones that they have come to overlap with."""
        united = True
        while united:
            united = False
            for older, younger in combinations(self._in_order(), 2):
                if self._belong_together(older, younger, snapshot):
                    older.values |= younger.values
                    older.members |= younger.members
                    older.absorbed += [younger.campaign_id, *younger.absorbed]
                    del self._kept[younger.campaign_id]
                    united = True
                    break

    def _belong_together(self, one: _Kept, other: _Kept, snapshot: Snapshot) -> bool:
        if one.values & other.values:
            return True
        a, b = self._owners(one, snapshot), self._owners(other, snapshot)
        return len(a & b) >= max(_LEAST_OVERLAP, _OVERLAP * min(len(a), len(b)))

    def _owners(self, kept: _Kept, snapshot: Snapshot) -> set[int]:
        slots = [self._table.find_account(name) for name in kept.members]
        return {int(snapshot.owner[slot]) for slot in slots if slot is not None}

    def _cluster(self, kept: _Kept, snapshot: Snapshot) -> Cluster:
        table = self._table
        kept.values = {v for v in kept.values if table.find_value(*v) is not None}
        slots = [table.find_value(*value) for value in sorted(kept.values)]
        values = np.array([slot for slot in slots if slot is not None], np.int64)
        members, since = own_evidence(table, snapshot, values)
        names = table.names(members)
        kept.members = {n for n in kept.members if table.find_account(n) is not None} | set(names)
        judgement = (
            self._judge(snapshot, Joined(members, since))
            if len(members) >= self._settings.min_members
            else Judgement(0.0, [])
        )
        at = snapshot.at(values)
        at = at[np.isin(snapshot.account[at], members)]
        return Cluster(
            campaign_id=kept.campaign_id,
            founded=kept.founded,
            since=float(since.min(initial=snapshot.time)),
            last=float(table.edges["last"][snapshot.edges[at]].max(initial=-np.inf)),
            score=judgement.score,
            evidence=judgement.evidence,
            members=sorted(kept.members),
            observed=observed(table, snapshot, at),
            kinds=sorted({kind for kind, _ in kept.values}),
            payments=cards(snapshot, members),
            absorbed=list(kept.absorbed),
        )

    def _ids(self, values: Array) -> list[ValueId]:
        kinds, numbers = self._table.values["kind"], self._table.values["value"]
        return [(int(kinds[slot]), int(numbers[slot])) for slot in values.tolist()]

    # -- durable rows -------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        clock = _Clock(origin=self._origin, due=self.due)
        now = {_CLUSTER + name.encode(): _pack(kept) for name, kept in self._kept.items()}
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
            if key[:1] not in {_CLUSTER, _CLOCK}:
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
            else:
                kept = msgspec.msgpack.decode(row, type=_Kept)
                self._kept[kept.campaign_id] = kept


def _name(value: ValueId, time: float) -> str:
    """Return an id that the same events always give: of the founding value and time."""
    cause = msgspec.msgpack.encode(("campaign", value, time))
    return "cmp_" + hashlib.blake2b(cause, digest_size=8).hexdigest()


def _pack(kept: _Kept) -> bytes:
    return msgspec.msgpack.encode(kept, order="deterministic")
