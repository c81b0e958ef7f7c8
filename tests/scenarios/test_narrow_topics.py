"""Many light accounts that are after one narrow capability, no item asked twice; and its twins.

Nothing else links them: the fields are those that gateways log, every account has its own address.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from stream.core.thresholds import DEFAULT_THRESHOLDS
from testlib.scored import ScoredGroup, scored_groups
from testlib.traffic.link_traffic import campaign_of
from testlib.traffic.topic_traffic import NARROW, SUBJECTS, Asker, Rng, people, run

BEGINS_H = 40
HOURS = 76
#: Four in ten prompts are of the narrow subject, the others are anybody's.
MIXED = {NARROW: 0.4 * SUBJECTS / 0.6, **dict.fromkeys(range(1, SUBJECTS), 1.0)}
CRAM = {NARROW: 8.0, 1: 1.0, 2: 1.0}


@pytest.fixture
def rng() -> Rng:
    return np.random.default_rng(11)


def disjoint(rng: Rng, count: int, **traits: Any) -> list[Asker]:
    """Accounts that are dealt single requests around the clock, about nine a day."""
    return [
        replace(
            Asker(
                name=f"hydra-{i}", subjects=MIXED, sessions=float(9 * rng.lognormal(0, 0.3)),
                prompts=1, hours=(0, 24), begins_h=BEGINS_H + float(rng.uniform(0, 2)),
            ),
            **traits,
        )
        for i in range(count)
    ]  # fmt: skip


def silent_group(askers: list[Asker], twin: str) -> ScoredGroup:
    """Hold that a twin was scored and raised no alert; return its group that scored highest."""
    with scored_groups() as groups:
        assert run(askers, hours=HOURS) == []
    own = [
        group
        for group in groups
        if 2 * sum(name.startswith(twin) for name in group.members) > len(group.members)
    ]
    assert own, f"no group of {twin} was scored: its silence proves nothing"
    highest = max(own, key=lambda group: group.score)
    assert highest.score < DEFAULT_THRESHOLDS.open_score
    assert "narrow_topic" in {name for group in own for name in group.evidence}
    return highest


def test_accounts_after_one_capability_are_found_by_it_alone(rng: Rng) -> None:
    alerts = run([*people(rng, 300), *disjoint(rng, 100)], hours=HOURS)
    alert = campaign_of(alerts)
    named = alert.account_ids or ()
    planted = [name for name in named if name.startswith("hydra-")]
    assert len(planted) >= 70
    assert len(planted) >= 0.95 * len(named)
    assert {"narrow_topic", "scattered_requests", "same_pace"} <= {
        e.feature for e in alert.evidence
    }
    # Within 18 hours: it begins at 16:00 of the second day.
    assert min(one.detected_at for one in alerts) < "2026-03-04T10:00:00Z"


def test_students_before_an_exam_are_silent(rng: Rng) -> None:
    students = [
        replace(person, name=f"student-{i}", later=CRAM, turn_h=BEGINS_H,
                sessions=float(min(rng.lognormal(0.8, 0.7), 8)),
                begins_h=BEGINS_H if i % 2 else 0.0)
        for i, person in enumerate(people(rng, 120))
    ]  # fmt: skip
    silent_group([*people(rng, 300), *students], "student-")


def test_everybody_who_puts_puzzles_to_a_new_model_is_silent(rng: Rng) -> None:
    trying = [
        replace(person, name=f"trying-{i}", later={NARROW: 1.0, **person.subjects}, turn_h=BEGINS_H)
        for i, person in enumerate(people(rng, 200))
    ]
    silent_group([*people(rng, 200), *trying], "trying-")


def test_a_fashion_that_brings_new_people_is_silent(rng: Rng) -> None:
    new = [
        replace(person, name=f"new-{i}", subjects={NARROW: 3.0, 1: 1.0, 2: 1.0},
                begins_h=BEGINS_H + float(rng.exponential(8)))
        for i, person in enumerate(people(rng, 200))
    ]  # fmt: skip
    silent_group([*people(rng, 300), *new], "new-")


def test_a_tutoring_product_with_an_account_for_each_pupil_is_silent(rng: Rng) -> None:
    pupils = [
        replace(pupil, name=f"pupil-{i}", subjects=CRAM, organization=7, hours=(14, 20))
        for i, pupil in enumerate(disjoint(rng, 100))
    ]
    silent_group([*people(rng, 300), *pupils], "pupil-")


def test_a_topic_that_was_always_asked_links_nobody(rng: Rng) -> None:
    with scored_groups() as groups:
        assert run([*people(rng, 300), *disjoint(rng, 100, begins_h=0.0)], hours=HOURS) == []
    assert groups == []
