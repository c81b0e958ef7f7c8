"""Rows of fingerprints that are remembered together are those of each column by itself."""

from __future__ import annotations

import numpy as np
import pytest

from stream.intake.fingerprint import together
from stream.intake.fingerprint.keyed import KeyedHash
from stream.intake.fingerprint.together import Together


def hashes():
    return {name: KeyedHash(b"salt", name) for name in ("payment", "agent")}


def columns(count, seed, distinct=50):
    rng = np.random.default_rng(seed)
    values = [f"value-{i}" for i in range(distinct)] + [None, "", "-"]
    return [[values[i] for i in rng.integers(0, len(values), count)] for _ in hashes()]


def assert_same(remembered, values):
    for (name, alone), column in zip(hashes().items(), values, strict=True):
        assert remembered[name].tolist() == alone.remembered(column).tolist()


@pytest.mark.parametrize("most", [10_000, 64, 8])
def test_rows_are_those_of_the_columns(monkeypatch, most):
    monkeypatch.setattr(together, "REMEMBERED", most)
    found = Together(hashes())
    for seed in range(6):  # most of 64 and of 8: it starts afresh in between
        values = columns(40, seed)
        assert_same(found.remembered(values), values)


def test_a_row_is_looked_up_once(monkeypatch):
    found = Together(hashes())
    values = columns(200, 1)
    found.remembered(values)
    monkeypatch.setattr(KeyedHash, "remembered", None)  # nobody is asked again
    again = found.remembered(values)
    monkeypatch.undo()
    assert_same(again, values)


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(together, "REMEMBERED", 100)
    found = Together(hashes())
    for seed in range(30):
        found.remembered(columns(50, seed, distinct=10_000))
        assert np.count_nonzero(found._marks != together._FREE) <= 100
        assert len(found._marks) <= 256
        assert len(found._rows) <= 256
