"""Samples of an hour's prompts: the same whatever order they came in, bounded, durable."""

from __future__ import annotations

import numpy as np
import pytest

from stream.accounts.topics.samples import HOURS, PROMPTS, HourlySamples
from stream.core.errors import StateError
from stream.core.events import WORD_CELLS

HOUR = 492_336


def prompts(count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    fingerprints = rng.integers(1, 2**63, count).astype(np.uint64)
    return fingerprints, rng.integers(0, 256, (count, WORD_CELLS // 8)).astype(np.uint8)


def sampled(*parts: slice, count: int = 3 * PROMPTS) -> HourlySamples:
    found, samples = prompts(count), HourlySamples()
    for part in parts:
        samples.add(HOUR, *(column[part] for column in found))
    return samples


def test_the_order_of_prompts_makes_no_difference() -> None:
    once, parts, backwards = (
        sampled(slice(None)),
        sampled(slice(0, 5), slice(5, 400), slice(400, None)),
        sampled(slice(None, None, -1)),
    )
    assert once.rows.tobytes() == parts.rows.tobytes() == backwards.rows.tobytes()
    assert once.bits(once.between(HOUR, HOUR)).shape == (PROMPTS, WORD_CELLS)


def test_equal_prompts_count_once() -> None:
    samples = sampled(slice(0, 9), slice(0, 9), count=9)
    assert samples.rows["count"].max() == 9
    fingerprints, cells = prompts(9)
    expected = np.unpackbits(cells[np.argsort(fingerprints)], axis=1)
    assert (samples.bits(samples.between(HOUR, HOUR)) == expected).all()


def test_an_hour_takes_the_place_of_the_one_four_days_before() -> None:
    samples = sampled(slice(0, 3))
    samples.add(HOUR + HOURS, *prompts(2, seed=2))
    assert not samples.between(HOUR, HOUR).any()
    assert len(samples.bits(samples.between(HOUR + HOURS, HOUR + HOURS))) == 2


def test_what_is_stored_is_what_it_was_and_only_changes_are_stored() -> None:
    samples = sampled(slice(0, 40))
    samples.add(HOUR + 1, *prompts(7, seed=3))
    first = samples.take_changes()
    assert len(first) == 2
    samples.note_hits(HOUR + 1, 3)
    changed = samples.take_changes()
    assert len(changed) == 1
    restored = HourlySamples()
    restored.load([*first, *changed])
    assert restored.rows.tobytes() == samples.rows.tobytes()
    assert samples.take_changes() == restored.take_changes() == []


def test_a_damaged_row_is_a_state_error() -> None:
    key, row = sampled(slice(0, 3)).take_changes()[0]
    for damaged in ((key, row[:-1]), (b"too long", row), (bytes([HOURS]), row)):
        with pytest.raises(StateError, match="cannot be read"):
            HourlySamples().load([damaged])
    endless = bytearray(row)
    endless[8:12] = b"\xff\xff\xff\x7f"
    with pytest.raises(StateError, match="is damaged"):
        HourlySamples().load([(key, bytes(endless))])
