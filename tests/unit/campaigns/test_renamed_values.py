"""While intake.salt is replaced, a value is linked under both fingerprints, and stays one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from stream.campaigns.clusters.detector import ClusterDetector
from stream.campaigns.settings import CampaignSettings
from stream.core.links import LinkBatch, LinkKind
from stream.core.packets import ChunkHeader, link_rows, pack, unpack
from stream.metrics import Metrics
from testlib.durable import changes, restore
from testlib.groups import OTHERS, START_S, group, pool
from testlib.links import Use, batch, shared, table

if TYPE_CHECKING:
    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.core.findings import Group

NEW = 2**63 + 1_000_000
PROMPT = int(LinkKind.SYSTEM_PROMPT)
SMALL = {"high_prevalence_accounts": 10, "high_prevalence_share": 0.5}


def overlap(time: float, uses: list[Use], *, organization: bool = False) -> LinkBatch:
    """Return links as the accounts stage makes them during the overlap; new is old + NEW."""
    names = [(name, kind, value + NEW, requests) for name, kind, value, requests in uses]
    both = batch(time, uses + names)
    successor = [value + NEW for _, _, value, _ in uses] + [value for _, _, value, _ in names]
    more = {"successor": np.array(successor, np.uint64)}
    if organization:
        more["previous_organization"] = np.full(len(both), 5, np.uint64)
        more["organization"] = np.full(len(both), 6, np.uint64)
    return LinkBatch(both.accounts, {**both.columns, **more})


def taken_back(time: float, uses: list[Use]) -> LinkBatch:
    """Return links as when the salt before comes back, and the newer one is the previous one."""
    both = batch(time, under_new(uses) + uses)
    successor = [value for _, _, value, _ in uses] * 2
    more = {"successor": np.array(successor, np.uint64)}
    return LinkBatch(both.accounts, {**both.columns, **more})


def under_new(uses: list[Use]) -> list[Use]:
    return [(name, kind, value + NEW, requests) for name, kind, value, requests in uses]


def names_of(groups: list[Group]) -> list[tuple[int, int, list[str]]]:
    return [(g.value, g.size, [m.account_id for m in g.members]) for g in groups]


def graph_of(detector: ClusterDetector) -> BipartiteGraph:
    return detector._graph


def prompts(graph: BipartiteGraph) -> dict[int, int]:
    """Return the system prompts known, with the number of their accounts."""
    values = graph.values
    slots = np.flatnonzero(values.used & (values["kind"] == PROMPT))
    return dict(zip(values["value"][slots].tolist(), values["size"][slots].tolist(), strict=True))


# -- the links stage


def test_accounts_of_before_and_during_the_overlap_are_one_group_under_the_new_name() -> None:
    links = table()
    assert links.step(60, batch(60, shared(2))) == []
    (found,) = links.step(120, overlap(120, [("late", PROMPT, 7, 1)]))
    assert names_of([found]) == [(7 + NEW, 3, ["a0000", "a0001", "late"])]
    assert found.since == 60
    assert found.renamed == {7: 7 + NEW}


def test_without_an_overlap_they_are_not() -> None:
    links = table()
    assert links.step(60, batch(60, shared(2))) == []
    assert links.step(120, batch(120, [("late", PROMPT, 7 + NEW, 1)])) == []


def test_what_was_learnt_meanwhile_counts_when_the_previous_salt_is_removed() -> None:
    links = table(resend_s=60)
    links.step(60, overlap(60, shared(5)))
    (found,) = links.step(120, batch(120, under_new([("late", PROMPT, 7, 1)])))
    assert names_of([found]) == [(7 + NEW, 6, [f"a{i:04}" for i in range(5)] + ["late"])]
    assert found.since == 60
    assert found.renamed == {}


def test_a_common_value_does_not_become_rare() -> None:
    links = table(**SMALL)
    few = shared(5)
    assert links.step(60, batch(60, shared(11))) == []
    # Its new fingerprint has five accounts only, which would be few enough to link them ...
    assert links.step(120, overlap(120, few)) == []
    assert links.step(180, overlap(180, shared(11))) == []
    # ... and once the previous salt is removed it is as common as it was.
    assert links.step(240, batch(240, under_new(few))) == []


def test_without_an_overlap_it_does() -> None:
    links = table(**SMALL)
    assert links.step(60, batch(60, shared(11))) == []
    (found,) = links.step(120, batch(120, under_new(shared(5))))
    assert found.size == 5


def test_a_worker_that_has_the_setting_not_yet_adds_to_the_same_group() -> None:
    links = table(resend_s=0)
    links.step(60, overlap(60, shared(3)))
    (found,) = links.step(120, batch(120, [("of an old worker", PROMPT, 7, 1)]))
    assert (found.value, found.size, found.renamed) == (7 + NEW, 4, {7: 7 + NEW})


def test_links_of_workers_with_and_without_the_setting_in_one_window() -> None:
    links = table()
    one, other = overlap(60, shared(2)), batch(60, [("of an old worker", PROMPT, 7, 1)])
    (found,) = links.step(60, one, other)
    assert (found.value, found.size) == (7 + NEW, 3)


def test_a_worker_that_has_the_previous_salt_no_more_makes_the_new_value_speak() -> None:
    links = table(resend_s=0)
    links.step(60, overlap(60, shared(3)))
    one, other = overlap(120, shared(2)), batch(120, under_new([("of a new worker", PROMPT, 7, 1)]))
    groups = links.step(120, one, other)
    assert [g.value for g in groups] == [7 + NEW] * 2
    assert {g.size for g in groups} == {3, 4}


def test_the_organization_of_a_silent_account_is_renamed_with_that_of_others() -> None:
    links = table()
    silent = batch(60, [("silent", PROMPT, 7, 1)])
    links.step(60, LinkBatch(silent.accounts, {**silent.columns, "organization": np.array([5])}))
    (found,) = links.step(120, overlap(120, shared(3), organization=True))
    assert {m.account_id: m.organization for m in found.members}["silent"] == 6
    assert found.renamed == {7: 7 + NEW, 5: 6}


def test_a_successor_goes_on_after_a_takeover() -> None:
    links = table(resend_s=0)
    links.step(60, overlap(60, shared(3)))
    other = table(resend_s=0)
    other.load(links.take_changes())
    other.loaded()
    late: list[Use] = [("late", PROMPT, 7, 1)]
    assert other.step(120, batch(120, late)) == links.step(120, batch(120, late))


def test_a_rotation_that_is_taken_back_ends_under_the_former_name() -> None:
    links = table(resend_s=0)
    links.step(60, overlap(60, shared(3)))
    (found,) = links.step(120, taken_back(120, shared(2)))
    assert (found.value, found.renamed) == (7, {7 + NEW: 7})
    (found,) = links.step(180, batch(180, [("late", PROMPT, 7, 1)]))
    assert (found.value, found.size, found.renamed) == (7, 4, {})


def test_links_travel_with_what_the_overlap_needs_and_cost_no_byte_without() -> None:
    def packed(rows: LinkBatch) -> bytes:
        return pack(source=0, sources=1, header=ChunkHeader(0.0), rows=rows)

    rows = overlap(60, shared(3), organization=True)
    found = link_rows(unpack(packed(rows)))
    assert found.columns["successor"].tolist() == rows.columns["successor"].tolist()
    assert set(msgspec.msgpack.decode(packed(batch(60, shared(3))))["columns"]) == {
        *LinkBatch.SCHEMA
    }
    merged = LinkBatch.merge([batch(60, shared(2)), rows])
    assert merged.columns["successor"].tolist() == [0, 0, *rows.columns["successor"].tolist()]


# -- alerting


def detector() -> ClusterDetector:
    return ClusterDetector(CampaignSettings(), metrics=Metrics())


def renamed(groups: list[Group], members: slice = slice(None)) -> list[Group]:
    """Return groups as they are sent when the salt is replaced."""
    return [
        msgspec.structs.replace(
            one, value=one.value + NEW, renamed={one.value: one.value + NEW},
            members=one.members[members],
        )
        for one in groups
    ]  # fmt: skip


def played(*steps: list[Group]) -> ClusterDetector:
    found = detector()
    for minute, groups in enumerate(steps):
        found.add(START_S + 60 * minute, groups)
    return found


def test_a_value_stays_one_value_with_its_accounts() -> None:
    found = played([*pool(3), OTHERS], renamed(pool(3), slice(1)))
    assert prompts(graph_of(found)) == {3 + NEW: 24}


def test_without_the_former_name_it_would_be_two() -> None:
    one, two = pool(3)[:1], renamed(pool(3)[:1])
    plain = [msgspec.structs.replace(group, renamed={}) for group in two]
    assert prompts(graph_of(played(one, plain))) == {3: 24, 3 + NEW: 24}


def test_what_is_known_under_both_names_becomes_one() -> None:
    one = pool(3)[:1]
    two = [msgspec.structs.replace(g, renamed={}, members=g.members[:4]) for g in renamed(one)]
    found = played(one, two, renamed(one, slice(2)))
    assert prompts(graph_of(found)) == {3 + NEW: 24}
    requests = graph_of(found).edges["requests"][graph_of(found).edges.in_use]
    assert requests.tolist() == [20] * 24


@pytest.mark.parametrize("overlapping", [True, False])
def test_a_cluster_goes_on_with_the_same_id_and_no_higher_score(*, overlapping: bool) -> None:
    found = played([*pool(3), OTHERS])
    before = {c.campaign_id: c for c in found.detect(START_S + 120)}
    assert len(before) == 1
    again = renamed(pool(3)) if overlapping else pool(3)
    found.add(START_S + 600, again)
    after = {c.campaign_id: c for c in found.detect(START_S + 660)}
    assert [*after] == [*before]
    (one,), (other,) = before.values(), after.values()
    assert other.score <= one.score
    assert (other.members, other.payments) == (one.members, one.payments)
    values = {value for _, value in found.indicators_of(one.campaign_id)}
    assert all(value >= NEW for value in values) == overlapping


@pytest.mark.parametrize("earlier", [pool(3), []], ids=["known before", "first seen renamed"])
def test_a_suppression_under_the_previous_fingerprint_still_finds_its_accounts(
    earlier: list[Group],
) -> None:
    found = played(earlier, renamed(pool(3)))
    wanted = [(PROMPT, 3), (PROMPT, 4)]
    assert {value: len(names) for value, names in found.accounts_using(wanted).items()} == {
        (PROMPT, 3): 24
    }


def test_what_was_renamed_is_the_same_after_a_takeover() -> None:
    found = played([*pool(3), OTHERS])
    (cluster,) = found.detect(START_S + 120)
    rows = changes(found)
    found.add(START_S + 600, renamed(pool(3), slice(2)))
    rows += changes(found)
    other = detector()
    restore(other, rows)
    names = found.indicators_of(cluster.campaign_id)
    assert (PROMPT, 3 + NEW) in names
    assert other.indicators_of(cluster.campaign_id) == names
    for one in (found, other):
        assert prompts(graph_of(one)) == {3 + NEW: 24}
        assert len(one.accounts_using([(PROMPT, 3)])[PROMPT, 3]) == 24
    late = group(LinkKind.SYSTEM_PROMPT, 3 + NEW, ["late"])
    for one in (found, other):
        one.add(START_S + 700, [late])
        assert prompts(graph_of(one)) == {3 + NEW: 25}
    scored = [
        [(c.campaign_id, c.score, c.members, c.shared) for c in one.detect(START_S + 900)]
        for one in (found, other)
    ]
    assert scored[0] == scored[1] != []
    assert sorted(changes(found)) == sorted(changes(other))


@pytest.mark.parametrize("earlier", [pool(3)[:1], []], ids=["known before", "first seen renamed"])
def test_a_history_that_began_with_the_overlap_does_not_replace_the_longer_one(
    earlier: list[Group],
) -> None:
    found = played(earlier, renamed(pool(3)[:1]))
    (short,) = renamed(pool(3)[:1])
    members = [
        msgspec.structs.replace(m, since=m.since + 300, last=m.last + 600, requests=2)
        for m in short.members
    ]
    found.add(START_S + 900, [msgspec.structs.replace(short, renamed={}, members=members)])
    edges = graph_of(found).edges
    used = edges.in_use
    assert set(edges["since"][used].tolist()) == {START_S}
    assert set(edges["last"][used].tolist()) == {START_S + 600}
    assert set(edges["requests"][used].tolist()) == {20}


def test_indicators_under_their_previous_fingerprints() -> None:
    found = played(pool(3), renamed(pool(3)[:1]))
    wanted = [(PROMPT, 3 + NEW), (int(LinkKind.PAYMENT), 3000), (PROMPT, 2**64 - 1)]
    assert found.under_previous(wanted) == {(PROMPT, 3), *wanted[1:]}
    assert found.under_previous([]) == set()
    back = [
        msgspec.structs.replace(one, renamed={one.value + NEW: one.value}) for one in pool(3)[:1]
    ]
    found.add(START_S + 600, back)
    assert found.under_previous([(PROMPT, 3)]) == {(PROMPT, 3 + NEW)}
