"""The account table is bounded, remembers what changed, and stores and loads itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.errors import StateError
from stream.store.account_table import AccountTable
from stream.store.columns import Field

FIELDS = (
    Field("count", np.dtype("<i4")),
    Field("ring", np.dtype("<f4"), (2, 3)),
    Field("seen", np.dtype("<f8"), initial=np.nan),
)


def table(max_accounts=4):
    return AccountTable(FIELDS, max_accounts=max_accounts)


def by_count(some):
    return lambda slots: some["count"][slots]


def test_new_accounts_start_from_the_initial_values():
    some = table()
    slot = some.slots(["a"], priority=by_count(some))
    assert some["count"][slot] == 0
    assert np.isnan(some["seen"][slot])


def test_the_account_of_the_lowest_priority_makes_room():
    some = table(max_accounts=3)
    some["count"][some.slots(["a", "b", "c"], priority=by_count(some))] = [5, 1, 3]
    some.slots(["d"], priority=by_count(some))
    assert some.slot("b") is None
    assert {some.slot("a"), some.slot("c"), some.slot("d")} >= {0}
    assert some.evicted == 1


def test_accounts_of_the_call_are_never_evicted_by_it():
    some = table(max_accounts=2)
    some["count"][some.slots(["a", "b"], priority=by_count(some))] = [0, 9]
    slots = some.slots(["a", "c"], priority=by_count(some))
    assert len(set(slots.tolist())) == 2
    assert some.slot("a") is not None
    assert some.slot("b") is None


def test_more_accounts_than_the_table_holds_are_refused():
    some = table(max_accounts=2)
    with pytest.raises(ValueError, match="3 accounts at once, the table holds 2"):
        some.slots(["a", "b", "c"], priority=by_count(some))


def test_an_evicted_slot_is_clean_for_its_next_account():
    some = table(max_accounts=1)
    some["ring"][some.slots(["a"], priority=by_count(some))] = 7
    slot = some.slots(["b"], priority=by_count(some))
    assert not some["ring"][slot].any()


def known(count):
    """A table for 64 accounts with ``count`` protected ones; the first have the lowest priority."""
    some = table(max_accounts=64)
    names = [f"known-{i:02}" for i in range(count)]
    some["count"][some.slots(names, priority=by_count(some))] = np.arange(count) + 1
    return some, names


def come(some, names):
    """Add unknown accounts; each has a higher priority than any protected one."""
    for first in range(0, len(names), some.portion):
        slots = some.slots(
            names[first : first + some.portion],
            priority=lambda slots: np.where(some["seen"][slots] > 0, 1000, some["count"][slots]),
            protected=lambda slots: some["count"][slots] > 0,
        )
        some["seen"][slots] = 1


@pytest.mark.parametrize("protected", [10, 48])
def test_no_flood_of_new_accounts_evicts_protected_ones(protected):
    some, names = known(protected)
    come(some, [f"flood-{i}" for i in range(10_000)])
    assert [name for name in names if some.slot(name) is None] == []
    assert len(some) <= 64
    assert some.evicted == protected + 10_000 - len(some)


def test_new_accounts_get_their_quarter_of_a_full_table_and_the_lowest_priority_goes():
    some, names = known(64)
    come(some, [f"flood-{i}" for i in range(1000)])
    left = [name for name in names if some.slot(name) is not None]
    assert left == names[-len(left) :]
    assert 64 * 3 / 4 - 64 / 8 <= len(left) <= 64 * 3 / 4


def test_only_an_account_that_was_stored_leaves_something_to_delete():
    some = table(max_accounts=2)
    some.slots(["a", "b"], priority=by_count(some))
    assert len(some.take_changes()[0]) == 2
    for name in "cdefg":
        some["count"][some.slots([name], priority=by_count(some))] = 0
    assert some.take_changes()[1] == ["a", "b"]
    some.slots(["a"], priority=by_count(some))
    for name in "cd":
        some.slots([name], priority=by_count(some))
    assert set(some.take_changes()[1]) <= {"f", "g"}


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=4), max_size=20))
def test_bounded_and_loadable(calls):
    some, other = table(), table()
    rows: dict[str, bytes] = {}
    for number, accounts in enumerate(calls):
        slots = some.slots(accounts, priority=by_count(some))
        some["count"][slots] = number
        some["ring"][slots] += number
        changed, gone = some.take_changes()
        rows |= dict(changed)
        for account in gone:
            rows.pop(account, None)
        assert len(some) <= 4
    other.load(list(rows), list(rows.values()))
    assert other.take_changes() == ([], [])
    assert len(other) == len(some)
    for account in rows:
        for field in FIELDS:
            np.testing.assert_array_equal(
                some[field.name][some.slot(account)], other[field.name][other.slot(account)]
            )


def stored(count):
    """Return the rows of that many accounts; the later ones have a higher priority."""
    some = table(max_accounts=count)
    names = [f"a{i}" for i in range(count)]
    some["count"][some.slots(names, priority=by_count(some))] = range(count)
    return some.take_changes()[0]


def test_more_stored_accounts_than_the_table_holds_are_trimmed_by_priority():
    rows, some = stored(9), table(max_accounts=4)
    for first in (0, 3, 6):
        some.load(*zip(*rows[first : first + 3], strict=True))
    assert len(some) == 9
    some.trim(by_count(some))
    assert [name for name, _ in rows if some.slot(name) is not None] == ["a5", "a6", "a7", "a8"]
    # What does not fit any more is deleted from the state as well.
    assert some.take_changes() == ([], ["a0", "a1", "a2", "a3", "a4"])
    some.slots(["new"], priority=by_count(some))
    assert len(some) == 4


def test_later_rows_replace_earlier_ones_and_deleted_ones_are_gone():
    some, rows = table(), dict(stored(4))
    some.load([*rows], [*rows.values()])
    some.load(["a1"], [rows["a3"]])
    some.drop(["a0", "a2", "unknown"])
    assert len(some) == 2
    assert some["count"][some.slot("a1")] == 3
    some.load(["a2"], [rows["a2"]])
    assert some["count"][some.slot("a2")] == 2
    assert some.take_changes() == ([], [])


@pytest.mark.parametrize("cut", [-1, 1])
def test_a_row_of_another_width_is_refused(cut):
    (name, row), (other, whole), *_ = stored(2)
    damaged = row[:cut] if cut < 0 else row + bytes(cut)
    with pytest.raises(StateError, match="not every stored account has 36 bytes"):
        table().load([name, other], [damaged, whole])
    # Not even when the sum of the widths is right.
    with pytest.raises(StateError, match="36 bytes"):
        table().load([name, other], [damaged, whole[: len(whole) - cut]])


def test_the_layout_tells_any_two_tables_apart():
    fields = (
        FIELDS,
        FIELDS[:2],
        FIELDS[::-1],
        (*FIELDS[:2], Field("seen", np.dtype("<f4"))),
        (*FIELDS[:1], Field("ring", np.dtype("<f4"), (3, 2)), *FIELDS[2:]),
    )
    layouts = [AccountTable(some, max_accounts=1).layout for some in fields]
    assert [layouts.index(layout) for layout in layouts] == [0, 1, 2, 3, 4]
