"""Components equal those of a label that is passed on until nothing changes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.campaigns.graph.components import component_of, components

SIZE = 24
node = st.integers(0, SIZE - 1)


def least_labels(pairs: list[tuple[int, int]]) -> list[int]:
    label = list(range(SIZE))
    while True:
        before = [*label]
        for a, b in pairs:
            label[a] = label[b] = min(label[a], label[b])
        if label == before:
            return label


@given(st.lists(st.tuples(node, node), max_size=40))
def test_components_equal_labels_passed_on(pairs: list[tuple[int, int]]) -> None:
    left, right = np.array(pairs, np.int64).reshape(-1, 2).T
    label = least_labels(pairs)
    assert component_of(left, right, SIZE).tolist() == label
    expected: dict[int, list[int]] = {}
    for one in sorted({one for pair in pairs for one in pair}):
        expected.setdefault(label[one], []).append(one)
    found = [part.tolist() for part in components(left, right, SIZE)]
    assert found == [expected[least] for least in sorted(expected)]


def test_no_pairs_have_no_components() -> None:
    none = np.zeros(0, np.int64)
    assert components(none, none, SIZE) == []
    assert components(none, none, 0) == []
