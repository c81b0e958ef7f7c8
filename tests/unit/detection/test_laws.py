"""Laws that every detector obeys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stream.accounts.detection.account_states import AccountState
from stream.accounts.features.table import COLUMN, FEATURES
from stream.core.errors import StateError
from testlib.traffic.crowds import EXTRACTOR, SERVICE, Stage, crowd


def rows_of(stage):
    return dict(stage.table.take_changes()[0])


def test_warm_up_is_a_state_and_no_score():
    stage = Stage()
    assert stage.play(3, {"lone": EXTRACTOR}) == []
    slot = np.array([stage.table.slot("lone")])
    assert stage.detector.states.of(slot)[0] == AccountState.WARMING_UP
    assert stage.detector.warming_up == 61
    stage.play(5)
    assert stage.detector.states.of(np.array([stage.table.slot("service-0001")]))[0] == (
        AccountState.CLEAR
    )


def test_input_is_not_changed_and_not_kept():
    stage = Stage()
    stage.play(12)
    names = sorted(crowd(60, 1, stage.time))
    slots = stage.table.slots(names, priority=lambda some: np.zeros(len(some)))
    matrix = np.tile(np.nan, (60, len(FEATURES)))
    matrix[:, :] = 1.0
    given, at = matrix.copy(), slots.copy()
    stage.detector.detect(stage.time + 1000, slots, matrix)
    assert (matrix == given).all()
    assert (slots == at).all()
    state = stage.detector.state()
    matrix[:] = 7
    assert stage.detector.state() == state


def test_the_same_seed_gives_the_same_findings_and_another_other_trees():
    runs = [Stage(seed=seed) for seed in (0, 0, 1)]
    findings = []
    for stage in runs:
        stage.play(30)
        findings.append(stage.play(6, {"lone": EXTRACTOR}))
    assert findings[0] == findings[1]
    assert findings[0] != findings[2]
    assert runs[0].detector.model_version != runs[2].detector.model_version


def test_snapshot_then_restore_is_identity():
    one, other = Stage(), Stage()
    one.play(30)
    other.detector.restore(one.detector.state())
    other.time = one.time
    rows = one.table.take_changes()[0]
    other.table.load([name for name, _ in rows], [row for _, row in rows])
    assert other.detector.state() == one.detector.state()
    later = [stage.play(8, {"lone": EXTRACTOR}) for stage in (one, other)]
    assert later[0] == later[1]
    assert later[0]
    assert other.detector.state() == one.detector.state()
    assert rows_of(one) == rows_of(other)


def test_memory_is_bounded():
    stage = Stage()
    stage.play(12)
    size = len(stage.detector.state()["detector"])
    stage.play(60)
    assert len(stage.detector.state()["detector"]) <= size + 1000


def test_an_account_costs_less_than_a_kibibyte_and_a_quarter():
    table = Stage().table
    assert table.columns.nbytes / len(table["account_state"]) < 1280


def test_other_settings_or_damage_are_refused_with_what_to_do():
    blob = Stage().detector.state()
    with pytest.raises(StateError, match=r"differs in trees: .* delete the state topic"):
        Stage(trees=7).detector.restore(blob)
    with pytest.raises(StateError, match="cannot be read"):
        Stage().detector.restore({"detector": b"\x80\x04K\x01."})
    Stage().detector.restore({})


def test_light_accounts_are_not_scored_but_get_a_baseline():
    stage = Stage()
    stage.play(12)
    stage.time += 3600
    stage.score({"light": SERVICE | {"requests_day": 20}})
    slot = stage.table.slot("light")
    assert stage.table["account_state"][slot] == AccountState.WARMING_UP
    assert stage.table["base_hours"][slot] == 1


def test_an_account_is_scored_at_most_every_quarter_of_an_hour():
    stage = Stage()
    stage.play(12)
    before = stage.detector.state()
    stage.time += 60
    stage.score(crowd(60, 1, stage.time))
    assert stage.detector.state() == before


def test_an_anomalous_account_is_not_learnt_from():
    stage = Stage()
    stage.play(48)
    stage.play(3, {"lone": EXTRACTOR})
    slot = stage.table.slot("lone")
    assert stage.table["account_state"][slot] == AccountState.ANOMALOUS
    taught, hours = stage.table["population_learnt_at"][slot], stage.table["base_hours"][slot]
    stage.play(6, {"lone": EXTRACTOR})
    assert np.isnan(taught)
    assert np.isnan(stage.table["population_learnt_at"][slot])
    assert stage.table["base_hours"][slot] == hours


def test_an_account_that_a_person_has_confirmed_is_excluded_from_learning_until_withdrawn():
    stage = Stage()
    stage.play(24)
    name = "service-0001"
    slot = stage.table.slot(name)
    stage.table.take_changes()
    stage.detector.learning.exclude([name, "unknown"], until=stage.time + 1e6)
    assert name in rows_of(stage)
    taught, hours = stage.table["population_learnt_at"][slot], stage.table["base_hours"][slot]
    stage.play(6)
    assert stage.table["population_learnt_at"][slot] == taught
    assert stage.table["base_hours"][slot] == hours
    stage.detector.learning.exclude([name], until=0)
    stage.play(6)
    assert stage.table["population_learnt_at"][slot] > taught
    assert stage.table["base_hours"][slot] > hours


class OnlyDue:
    """A detector that gets only the accounts that are due."""

    def __init__(self, detector):
        self.detector, self.shown, self.left_out = detector, 0, 0

    def detect(self, time, slots, matrix):
        due = self.detector.due(time, slots, matrix[:, COLUMN["requests_day"]])
        self.shown += int(np.count_nonzero(due))
        self.left_out += int(np.count_nonzero(~due))
        return self.detector.detect(time, slots[due], matrix[due])


def test_scoring_only_accounts_that_are_due_equals_scoring_all():
    whole: Any = Stage()
    part: Any = Stage()
    for stage in (whole, part):
        stage.play(48)
    every, few, found = whole.detector, OnlyDue(part.detector), []
    for number in range(100):
        for stage, detector in ((whole, every), (part, few)):
            stage.time += 400 + 31 * (number % 3)
            rows = crowd(60, 1, stage.time) | {"light": SERVICE | {"requests_day": 20}}
            stage.detector = detector
            found.append(stage.score(rows | ({"lone": EXTRACTOR} if number > 40 else {})))
    assert found[::2] == found[1::2]
    assert any(found)
    assert part.detector.detector.state() == whole.detector.state()
    assert rows_of(part) == rows_of(whole)
    assert min(few.shown, few.left_out) > 1000
