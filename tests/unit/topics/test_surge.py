"""A topic that light accounts ask more than before surges; what they always ask does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from stream.accounts.topics.surge import TopicSurge
from stream.core.errors import StateError
from stream.core.events import WORD_CELLS

if TYPE_CHECKING:
    from collections.abc import Callable

HOUR_S = 3600.0
START_S = 1_772_409_600.0
AN_HOUR = 80
BEGINS_H = 36


def asked(rng: np.random.Generator, share: float) -> np.ndarray:
    """Return word cells of an hour's prompts, of which a share are about one topic."""
    bits = rng.random((AN_HOUR, WORD_CELLS)) < 0.06
    topical = rng.random(AN_HOUR) < share
    bits[topical, :20] |= rng.random((int(topical.sum()), 20)) < 0.6
    return np.packbits(bits, axis=1)


def play(
    surge: TopicSurge,
    share_at: Callable[[int], float],
    *,
    hours: range,
    rng: np.random.Generator,
) -> list[bool]:
    """Return whether a topic surges at the end of each hour."""
    found = []
    for hour in hours:
        surge.step(START_S + (hour + 0.5) * HOUR_S)
        fingerprints = rng.integers(1, 2**63, AN_HOUR).astype(np.uint64)
        surge.add(fingerprints, asked(rng, share_at(hour)))
        found.append(surge.surging)
    return found


def late(hour: int) -> float:
    return 0.005 if hour < BEGINS_H else 0.15


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_a_topic_surges_within_hours_and_its_prompts_are_recognised(
    rng: np.random.Generator,
) -> None:
    surge = TopicSurge()
    found = play(surge, late, hours=range(60), rng=rng)
    assert not any(found[:BEGINS_H])
    assert all(found[BEGINS_H + 10 :])
    topical, others = asked(rng, 1.0), asked(rng, 0.0)
    assert surge.holds(topical).mean() > 0.8
    assert surge.holds(others).mean() < 0.05


@pytest.mark.parametrize("share", [0.0, 0.005, 0.15])
def test_what_was_always_asked_does_not_surge(rng: np.random.Generator, share: float) -> None:
    assert not any(play(TopicSurge(), lambda _: share, hours=range(72), rng=rng))


def test_a_surge_ends_with_its_topic(rng: np.random.Generator) -> None:
    found = play(TopicSurge(), lambda hour: late(hour) if hour < 60 else 0.0,
                 hours=range(80), rng=rng)  # fmt: skip
    assert found[59]
    assert not found[-1]


def test_what_surges_for_days_becomes_usual(rng: np.random.Generator) -> None:
    found = play(TopicSurge(), late, hours=range(BEGINS_H + 120), rng=rng)
    assert found[BEGINS_H + 40]
    assert not found[-1]


def test_a_successor_goes_on_as_if_nothing_had_been(rng: np.random.Generator) -> None:
    surge, stored = TopicSurge(), {}
    play(surge, late, hours=range(50), rng=rng)
    stored.update(surge.take_changes())
    successor = TopicSurge()
    successor.load(stored.items())
    cells = asked(rng, 0.5)
    assert (successor.holds(cells) == surge.holds(cells)).all()
    assert successor.holds(cells).any()
    state = rng.bit_generator.state
    went_on = play(surge, late, hours=range(50, 70), rng=rng)
    rng.bit_generator.state = state
    assert play(successor, late, hours=range(50, 70), rng=rng) == went_on
    assert dict(surge.take_changes()) == dict(successor.take_changes())


@pytest.mark.parametrize("head", [b"", b"\xc1", b"short"])
def test_a_damaged_cell_is_a_state_error(head: bytes) -> None:
    with pytest.raises(StateError, match="topic cell"):
        TopicSurge().load([(b"", head)])
