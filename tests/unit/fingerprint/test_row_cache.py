"""Cached rows of fingerprints are those that each column has alone."""

from __future__ import annotations

import numpy as np
import pytest

from stream.intake.fingerprint import row_cache
from stream.intake.fingerprint.keyed import KeyedHash
from stream.intake.fingerprint.row_cache import RowCache


def hashes():
    return {name: KeyedHash(b"salt", name) for name in ("payment", "agent")}


def columns(count, seed, distinct=50):
    rng = np.random.default_rng(seed)
    values = [f"value-{i}" for i in range(distinct)] + [None, "", "-"]
    return [[values[i] for i in rng.integers(0, len(values), count)] for _ in hashes()]


def assert_same(found, values):
    for (name, alone), column in zip(hashes().items(), values, strict=True):
        assert found[name].tolist() == alone.cached(column).tolist()


@pytest.mark.parametrize("most", [10_000, 64, 8])
def test_rows_are_those_of_the_columns(monkeypatch, most):
    monkeypatch.setattr(row_cache, "MAX_ROWS", most)
    found = RowCache(hashes())
    for seed in range(6):  # with 64 and 8 it starts empty in between
        values = columns(40, seed)
        assert_same(found.fingerprints(values), values)


def test_a_row_is_looked_up_once(monkeypatch):
    found = RowCache(hashes())
    values = columns(200, 1)
    found.fingerprints(values)
    monkeypatch.setattr(KeyedHash, "cached", None)  # it is not called again
    again = found.fingerprints(values)
    monkeypatch.undo()
    assert_same(again, values)


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(row_cache, "MAX_ROWS", 100)
    found = RowCache(hashes())
    for seed in range(30):
        found.fingerprints(columns(50, seed, distinct=10_000))
        assert len(found) <= 100
        assert len(found._rows.used) <= 256
        assert len(found._index._buckets) <= 512
