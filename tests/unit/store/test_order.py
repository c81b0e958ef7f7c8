"""Rows are ordered as if each key were looked at for all of them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.store.order import lexical, median

few = st.integers(0, 3)


@given(st.lists(st.tuples(few, few, few), max_size=60))
def test_it_is_the_stable_order_by_all_keys(rows: list[tuple[int, int, int]]) -> None:
    keys = np.array(rows, np.int64).reshape(-1, 3).T
    expected = np.lexsort(keys[::-1]).tolist()
    for first in (keys[0], keys[0].astype(np.uint32), keys[0].astype(np.float64)):
        assert lexical(first, *keys[1:]).tolist() == expected


def test_numbers_beyond_two_bytes_are_told_apart() -> None:
    first = np.array([65_536, 0, 65_537, 1], np.uint32)
    assert lexical(first, np.zeros(4)).tolist() == [1, 3, 0, 2]


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=9))
def test_the_median_is_that_of_numpy(values: list[float]) -> None:
    assert median(np.array(values)) == np.median(values)
