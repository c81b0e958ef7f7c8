"""Column stores, free lists and interners hold what dicts and lists of the same rows hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.store.columns import ColumnStore, Field
from stream.store.eviction import lowest
from stream.store.interner import Interner
from stream.store.order import cumcount

FIELDS = (
    Field("count", np.dtype("<i4")),
    Field("pair", np.dtype("<f4"), (2,)),
    Field("seen", np.dtype("<f8"), initial=np.nan),
)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 300)), max_size=12))
def test_rows_are_those_of_a_dict(rounds: list[tuple[bool, int]]) -> None:
    store, known = ColumnStore(FIELDS), {}
    for number, (adds, count) in enumerate(rounds):
        if adds:
            slots = store.allocate(count)
            assert len({*slots.tolist()} | {*known}) == len(known) + count
            assert (store["count"][slots] == 0).all()
            assert (store["pair"][slots] == 0).all()
            assert np.isnan(store["seen"][slots]).all()
            store["count"][slots], store["pair"][slots], store["seen"][slots] = number, 1, number
            known |= dict.fromkeys(slots.tolist(), number)
        else:
            gone = sorted(known)[:count]
            store.release(np.array(gone, np.int64))
            for slot in gone:
                del known[slot]
        assert len(store) == len(known)
        assert store.in_use.tolist() == sorted(known)
        assert store["count"][store.in_use].tolist() == [known[slot] for slot in sorted(known)]


@pytest.mark.parametrize("max_rows", [256, 300, 1000])
def test_capacity_does_not_pass_the_limit_before_the_rows_do(max_rows: int) -> None:
    store = ColumnStore(FIELDS, max_rows=max_rows)
    while len(store) < max_rows:
        store.allocate(1)
        assert len(store["count"]) <= max_rows
    store.allocate(1)
    assert len(store["count"]) > max_rows


def test_fields_of_rows_get_their_initial_values_again() -> None:
    store = ColumnStore(FIELDS)
    slots = store.allocate(3)
    store["count"][slots], store["seen"][slots] = 7, 7
    store.reset(slots[1:], ["seen"])
    assert store["count"][slots].tolist() == [7, 7, 7]
    assert np.isnan(store["seen"][slots]).tolist() == [False, True, True]


@given(st.lists(st.lists(st.text(max_size=2), unique=True, max_size=20), max_size=20))
def test_an_interner_finds_what_a_dict_does(rounds: list[list[str]]) -> None:
    names, store, known = Interner(), ColumnStore(FIELDS), {}
    for number, batch in enumerate(rounds):
        assert names.find(batch).tolist() == [known.get(name, -1) for name in batch]
        new = [name for name in batch if name not in known]
        slots = store.allocate(len(new))
        names.add(slots, new)
        known |= zip(new, slots.tolist(), strict=True)
        assert names.names(np.array(list(known.values()), np.int64)) == list(known)
        if number % 2:
            gone = np.array([known.pop(name) for name in batch[::2]], np.int64)
            names.remove(gone)
            store.release(gone)
        assert len(names) == len(known)


def test_a_slot_without_a_name_is_an_error() -> None:
    with pytest.raises(KeyError):
        Interner().names(np.array([3]))


@given(st.lists(st.integers(0, 5)))
def test_cumcount_numbers_the_rows_of_each_group(groups: list[int]) -> None:
    expected = [groups[:i].count(group) for i, group in enumerate(groups)]
    assert cumcount(np.array(groups, np.int64)).tolist() == expected


@given(st.lists(st.integers(0, 3), min_size=1), st.data())
def test_the_lowest_go_and_ties_by_name(priority: list[int], data: st.DataObject) -> None:
    count = data.draw(st.integers(0, len(priority)))
    names = data.draw(st.permutations([f"{i:03}" for i in range(len(priority))]))
    slots = np.arange(len(priority))
    gone = lowest(slots, np.array(priority), count, lambda some: [names[i] for i in some.tolist()])
    order = sorted(range(len(priority)), key=lambda i: (priority[i], names[i]))
    assert sorted(gone.tolist()) == sorted(order[:count])
