"""The hash index finds what a dict of the same keys finds."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.store.columns import ColumnStore, Field
from stream.store.hash_index import HashIndex

FIELDS = (Field("kind", np.dtype("u1")), Field("value", np.dtype("<u8")))
#: Few values, so that keys come back; great ones too.
KEYS = st.tuples(st.integers(0, 3), st.integers(0, 40) | st.integers(2**64 - 8, 2**64 - 1))


def arrays(keys: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([k for k, _ in keys], np.uint8), np.array([v for _, v in keys], np.uint64)


@given(st.lists(st.tuples(st.booleans(), st.lists(KEYS, max_size=60, unique=True)), max_size=20))
def test_it_finds_what_a_dict_does(rounds: list[tuple[bool, list[tuple[int, int]]]]) -> None:
    columns = ColumnStore(FIELDS)
    index, known = HashIndex(columns, ("kind", "value")), {}
    for adds, keys in rounds:
        found = index.find(*arrays(keys)).tolist()
        assert found == [known.get(key, -1) for key in keys]
        if adds:
            new = [key for key in keys if key not in known]
            slots = columns.allocate(len(new))
            columns["kind"][slots], columns["value"][slots] = arrays(new)
            index.add(slots)
            known |= zip(new, slots.tolist(), strict=True)
        else:
            gone = [known.pop(key) for key in keys if key in known]
            index.remove(np.array(gone, np.int64))
            columns.release(np.array(gone, np.int64))


def test_buckets_do_not_run_out_where_keys_come_and_go() -> None:
    columns = ColumnStore(FIELDS)
    index = HashIndex(columns, ("value",))
    for first in range(0, 400_000, 4_000):
        slots = columns.allocate(4_000)
        columns["value"][slots] = np.arange(first, first + 4_000)
        index.add(slots)
        assert (index.find(columns["value"][slots]) == slots).all()
        index.remove(slots)
        columns.release(slots)
    assert len(index._buckets) <= 16_384
