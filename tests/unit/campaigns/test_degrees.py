"""Degrees of members, by hand: what few figures decide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stream.campaigns.degrees.core import dense_cores
from stream.campaigns.degrees.likelihood import Scale, counted
from stream.campaigns.degrees.ties import Ties
from stream.core.links import LinkKind


def ties(*edges: tuple[int, int], kind: LinkKind = LinkKind.PHRASE, known: int = 1000) -> Ties:
    """Return the ties of accounts to values, an owner each; the first use is the earlier edge."""
    row, column = np.array(edges).T
    first = [column.tolist().index(value) == i for i, value in enumerate(column.tolist())]
    return Ties(
        accounts=int(row.max()) + 1,
        known=known,
        row=row,
        column=column,
        pair=np.arange(len(row)),
        kind=np.full(len(row), kind, np.uint8),
        size=np.bincount(column)[column],
        first=np.array(first),
        own=np.ones(len(row), bool),
    )


def test_the_core_is_what_is_tied_to_itself_and_not_what_it_repeats() -> None:
    members = [(row, value) for value in range(20) for row in range(8) if (row + value) % 2]
    bystanders = [(8 + i, 100 + i) for i in range(12)]
    repeats = [(i % 8, 100 + i) for i in range(12)]
    core = dense_cores(ties(*members, *bystanders, *repeats))
    assert core.tolist() == [True] * 8 + [False] * 12


def test_a_light_campaign_beside_a_heavy_one_has_a_core_of_its_own() -> None:
    heavy = [(row, value) for value in range(200) for row in range(6)]
    light = [(6 + row, 500 + value) for value in range(9) for row in range(12) if (row + value) % 3]
    # Both use what bystanders send, the heavy one all of it.
    camouflage = [(18 + i, 900 + i) for i in range(10)]
    camouflage += [(row, 900 + i) for i in range(10) for row in (*range(6), 6 + i)]
    core = dense_cores(ties(*heavy, *light, *camouflage))
    assert core.tolist() == [True] * 18 + [False] * 10


def test_without_any_tie_all_are_the_core() -> None:
    assert dense_cores(ties(*((i, i) for i in range(9)))).all()


def test_a_value_that_many_have_ties_nobody_beyond_chance() -> None:
    certain = np.array([True] * 5 + [False])
    shared = ties(*((row, 0) for row in range(6)))
    assert shared.common(certain)[-1] > 4
    everybody = Ties(
        accounts=6, known=10, row=shared.row, column=shared.column, pair=shared.pair,
        kind=shared.kind, size=np.full(6, 10), first=shared.first, own=shared.own,
    )  # fmt: skip
    assert everybody.common(certain)[-1] == 5 - 0.5 * 9


def test_accounts_of_one_owner_do_not_tie_each_other_but_by_payment() -> None:
    certain = np.ones(3, bool)
    for kind, expected in ((LinkKind.TEMPLATE, 0.0), (LinkKind.PAYMENT, 2 - 0.003 * 2)):
        shared = ties((0, 0), (1, 0), (2, 0), kind=kind)
        one_owner = Ties(
            accounts=3, known=1000, row=shared.row, column=shared.column,
            pair=np.zeros(3, np.int64), kind=shared.kind, size=shared.size, first=shared.first,
            own=shared.own,
        )  # fmt: skip
        assert np.allclose(one_owner.common(certain), expected)


def test_what_an_account_was_given_ties_others_to_it_and_not_it_to_them() -> None:
    conversations = ties((0, 0), (1, 0), (2, 0), kind=LinkKind.CONVERSATION)
    given = replace(conversations, own=np.array([False, True, True]))
    certain, every = np.ones(3, bool), np.ones(3, bool)
    strength = given.strength(given.common(certain), every)
    assert strength[0] == 0
    assert strength[1] == conversations.strength(conversations.common(certain), every)[1] > 0
    assert given.kinds(given.common(certain)).tolist()[0] == 0


def test_an_account_that_uses_all_first_is_known() -> None:
    shared = ties(*((0, value) for value in range(6)), *((1, value) for value in range(6)))
    count, first, share = shared.first_uses(np.array([False, True]), np.ones(12, bool))
    assert (count.tolist(), first.tolist()) == ([6, 0], [6, 0])
    assert share[0] == 0.5


def test_a_member_is_compared_with_the_others_and_not_with_itself() -> None:
    others = counted(np.zeros(50, np.int64), 7)
    alone = Scale(np.array([5, 0, 0, 0, 0, 0]), others).log_ratio(np.ones(6, bool))
    alike = Scale(np.array([5, 5, 5, 5, 5, 0]), others).log_ratio(np.ones(6, bool))
    assert alone[0] < 0.5
    assert alike[0] > 2
    assert alike[5] < 0


def test_what_is_unknown_adds_nothing_and_more_ties_never_less() -> None:
    steps = np.array([-1, 0, 1, 2, 3, 4, 5, 6])
    found = Scale(steps, counted(np.array([0] * 20 + [1] * 5), 7)).log_ratio(steps > 3, rising=True)
    assert found[0] == 0
    assert (np.diff(found[1:]) >= 0).all()
