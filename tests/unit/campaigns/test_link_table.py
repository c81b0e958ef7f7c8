from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.campaigns.links.account_facts import known_accounts
from stream.campaigns.links.link_table import LinkTable
from stream.campaigns.settings import CampaignSettings
from stream.core.links import LinkKind
from stream.metrics import Metrics
from testlib.links import Use, batch, play, shared, table

uses = st.tuples(
    st.sampled_from([f"a{i}" for i in range(8)]),
    st.sampled_from([int(kind) for kind in LinkKind]),
    st.integers(1, 4),
    st.integers(1, 3),
)
steps = st.lists(st.lists(uses, max_size=12), max_size=6)


def test_an_indicator_is_sent_on_when_enough_accounts_share_it() -> None:
    links = table()
    assert links.step(60, batch(60, shared(2))) == []
    (group,) = links.step(120, batch(120, shared(3)))
    assert (group.size, group.since, group.time) == (3, 60, 120)
    assert [(m.account_id, m.since, m.requests) for m in group.members] == [
        ("a0000", 60, 2),
        ("a0001", 60, 2),
        ("a0002", 120, 1),
    ]


def test_two_accounts_are_enough_to_share_a_payment() -> None:
    (group,) = table().step(60, batch(60, shared(2, kind=LinkKind.PAYMENT)))
    assert group.size == 2


def test_without_new_members_a_group_waits_and_then_sends_what_changed() -> None:
    links = table(resend_s=180)
    links.step(60, batch(60, shared(4)))
    assert links.step(120, batch(120, shared(1))) == []
    assert [m.account_id for m in links.step(180, batch(180, shared(5)))[0].members] == ["a0004"]
    assert [m.account_id for m in links.step(360, batch(360, shared(2)))[0].members] == [
        "a0000",
        "a0001",
        "a0002",
        "a0003",
    ]


def test_an_indicator_of_high_prevalence_links_no_accounts_until_it_is_forgotten() -> None:
    links = table(high_prevalence_accounts=10, high_prevalence_share=0.5, remember_s=3600)
    assert links.step(60, batch(60, shared(11))) == []
    assert len(links) == 0
    assert links.step(120, batch(120, shared(5))) == []
    late = 60.0 * 60 * 5
    assert links.step(late, batch(late, shared(5)))[0].size == 5


def test_rarity_is_relative_to_the_accounts_known() -> None:
    links = table(high_prevalence_accounts=10, high_prevalence_share=0.5)
    others = [(f"b{i}", int(LinkKind.SYSTEM_PROMPT), 1000 + i, 1) for i in range(40)]
    (group,) = links.step(60, batch(60, shared(20) + others))
    assert group.size == 20


def test_old_links_are_forgotten() -> None:
    links = table(remember_s=3600)
    links.step(60, batch(60, shared(3)))
    links.step(3 * 3600, batch(3 * 3600, [("b", 1, 9, 1)]))
    assert len(links) == 1


def test_indicators_of_single_accounts_go_first_when_there_are_too_many() -> None:
    links = table(max_links=1000)
    links.step(60, batch(60, shared(5)))
    rows = [(f"b{i}", int(LinkKind.TEMPLATE), 1000 + i, 1) for i in range(3000)]
    links.step(120, batch(120, rows))
    assert len(links) <= 1000
    assert links.step(180, batch(180, shared(6)))[0].size == 6


def test_an_indicator_remembers_a_bounded_number_of_members() -> None:
    metrics = Metrics()
    links = LinkTable(CampaignSettings(max_members=10), metrics=metrics)
    (group,) = links.step(60, batch(60, shared(30)))
    assert [m.account_id for m in group.members] == [f"a{i:04}" for i in range(10)]
    hits = metrics.registry.get_sample_value("distillwatch_limit_hits_total", {"limit": "links"})
    assert hits == 20
    # Whoever is not counted leaves nothing behind.
    assert len(links._graph.accounts) == 10
    assert known_accounts(links._graph, ["a0009", "a0010"]) == {"a0009"}


def test_very_many_members_come_in_several_groups() -> None:
    groups = table(high_prevalence_accounts=5000).step(60, batch(60, shared(2500)))
    assert [len(group.members) for group in groups] == [1000, 1000, 500]
    assert {group.size for group in groups} == {2500}
    names = [member.account_id for group in groups for member in group.members]
    assert names == [f"a{i:04}" for i in range(2500)]


@given(steps, st.randoms(use_true_random=False))
def test_the_order_of_rows_is_irrelevant(played: list[list[Use]], random: object) -> None:
    mixed = [sorted(rows, key=lambda _: random.random()) for rows in played]  # type: ignore[attr-defined]
    assert play(table(), played) == play(table(), mixed)


@given(steps)
def test_a_group_has_members_in_order_and_counts_what_was_used(played: list[list[Use]]) -> None:
    used: dict[tuple[str, int, int], int] = {}
    links = table(resend_s=0)
    for i, rows in enumerate(played, start=1):
        for account, kind, value, requests in rows:
            used[account, kind, value] = used.get((account, kind, value), 0) + requests
        for group in links.step(60.0 * i, batch(60.0 * i, rows)):
            names = [member.account_id for member in group.members]
            assert names == sorted(set(names))
            assert 0 < len(names) <= group.size
            assert all(m.requests == used[m.account_id, group.kind, group.value]
                       for m in group.members)  # fmt: skip


@given(steps, st.integers(0, 6))
@settings(deadline=None)
def test_a_restart_changes_nothing(played: list[list[Use]], crash: int) -> None:
    straight = play(table(high_prevalence_accounts=10, resend_s=120), played)
    first = table(high_prevalence_accounts=10, resend_s=120)
    stored: dict[bytes, bytes] = {}
    groups = []
    for i in range(len(played)):
        if i == crash:
            first = table(high_prevalence_accounts=10, resend_s=120)
            first.load(stored.items())
            first.loaded()
            assert first.take_changes() == []
        groups += play(first, [played[i]], first=i + 1)
        for key, row in first.take_changes():
            if row is None:
                stored.pop(key, None)
            else:
                stored[key] = row
    assert groups == straight


def test_rows_are_small() -> None:
    links = table()
    links.step(1.7e9, batch(1.7e9, shared(100)))
    rows = links.take_changes()
    assert len(rows) == 101  # an account with its edge each, and the value that was sent on
    assert max(len(row or b"") for _, row in rows) < 175


def test_only_the_changed_indicators_of_an_account_are_written() -> None:
    links, stored = table(), {}
    many = [("a", int(LinkKind.TEMPLATE), 1000 + i, 1) for i in range(500)]
    for time, rows in ((60, many[:3]), (120, many), (180, many[:1]), (240, [*many[7:9], *many])):
        links.step(time, batch(time, rows))
        changed = links.take_changes()
        assert max(len(row or b"") for _, row in changed) < 1500
        if time == 180:
            assert (
                len(changed) <= 2
            )  # its page, and the first one with what is known of the account
        stored |= dict(changed)
    again = table()
    again.load((key, row) for key, row in stored.items() if row is not None)
    again.loaded()
    assert again.take_changes() == []
    later = batch(300, [(who, kind, value, 1) for _, kind, value, _ in many for who in "abc"])
    assert again.step(300, later) == links.step(300, later)


@pytest.mark.parametrize("kind", list(LinkKind))
def test_a_fingerprint_means_nothing_without_its_kind(kind: LinkKind) -> None:
    rows = [(f"a{i}", int(k), 5, 1) for i in range(3) for k in LinkKind]
    groups = table().step(60, batch(60, rows))
    assert [group.kind for group in groups].count(kind) == 1
