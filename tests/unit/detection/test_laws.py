"""Laws that every detector obeys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from stream.accounts.detection.account_states import AccountState
from stream.accounts.detection.baseline import TRACKED
from stream.accounts.features.table import COLUMN, FEATURES
from stream.core.errors import StateError
from testlib.traffic.crowds import EXTRACTOR, SERVICE, Stage, crowd


def rows_of(stage):
    return [dict(table.take_changes()[0]) for table in (stage.table, stage.scored)]


def test_warm_up_is_a_state_and_no_score():
    stage = Stage()
    assert stage.play(3, {"lone": EXTRACTOR}) == []
    slot = np.array([stage.scored.slot("lone")])
    assert stage.detector.states.of(slot)[0] == AccountState.WARMING_UP
    assert stage.observer.warming_up == 61
    stage.play(5)
    assert stage.detector.states.of(np.array([stage.scored.slot("service-0001")]))[0] == (
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
    seen = stage.observer.observe(stage.time + 1000, slots, matrix)
    assert (matrix == given).all()
    assert (slots == at).all()
    rows = seen.rows.copy()
    stage.detector.detect(stage.time + 1000, seen)
    assert (seen.rows.view(np.uint8) == rows.view(np.uint8)).all()
    state = stage.detector.state()
    matrix[:] = seen.rows["features"] = 7
    assert stage.detector.state() == state


def test_the_same_seed_gives_the_same_findings_and_another_other_trees():
    runs = [Stage(seed=seed) for seed in (1, 1, 2)]
    findings = []
    for stage in runs:
        stage.play(30)
        findings.append(stage.play(6, {"lone": EXTRACTOR}))
    assert findings[0] == findings[1]
    assert findings[0] != findings[2]
    assert runs[0].detector.model_version != runs[2].detector.model_version


def test_snapshot_then_restore_is_identity():
    one = Stage()
    one.play(30)
    other = Stage.restored(one.saved())
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
    stage = Stage()
    table, scored = stage.table, stage.scored
    assert table.columns.nbytes / len(table["account_state"]) < 1280
    assert scored.columns.nbytes / len(scored["account_state"]) < 256


def test_other_settings_or_damage_are_refused_with_what_to_do():
    blob = Stage().detector.state()
    with pytest.raises(StateError, match="differs in trees"):
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
    assert stage.scored.slot("light") is None
    assert stage.table["base_hours"][slot] == 1


def test_an_account_is_scored_at_most_every_quarter_of_an_hour():
    stage = Stage()
    stage.play(12)
    before = stage.detector.state()
    stage.time += 60
    stage.score(crowd(60, 1, stage.time))
    assert stage.detector.state() == before


def test_the_population_does_not_learn_from_an_anomalous_account():
    stage = Stage()
    stage.play(48)
    stage.play(3, {"lone": EXTRACTOR})
    slot = stage.scored.slot("lone")
    assert stage.scored["account_state"][slot] == AccountState.ANOMALOUS
    assert np.isnan(stage.scored["population_learnt_at"][slot])
    stage.play(6, {"lone": EXTRACTOR})
    assert np.isnan(stage.scored["population_learnt_at"][slot])


def test_a_baseline_moves_slowly_towards_what_an_account_never_did():
    stage = Stage()
    stage.play(72, {"turned": SERVICE, "drifts": SERVICE})
    names, column = ("turned", "drifts"), TRACKED.index("output_ratio")
    slots = stage.table.slots(names, priority=lambda some: np.zeros(len(some)))
    before = stage.table["base_mean"][slots][:, column]
    far = {"turned": SERVICE | {"output_ratio": 12}, "drifts": SERVICE | {"output_ratio": 0.15}}
    stage.play(1, far)
    moved = stage.table["base_mean"][slots][:, column] - before
    way = [(np.log10(far[name]["output_ratio"]) + 3) / 5 for name in names] - before
    # One hour of 73; what the account never did counts for less than a fifth of the way.
    assert moved[1] / way[1] == pytest.approx(1 / 73, rel=0.01)
    assert 0 < moved[0] / way[0] < 1 / 400


def test_an_account_that_a_person_has_confirmed_is_excluded_from_learning_until_withdrawn():
    stage = Stage()
    stage.play(24)
    name = "service-0001"
    own, scored = stage.table.slot(name), stage.scored.slot(name)
    rows_of(stage)
    for part in (stage.observer, stage.detector.learning):
        part.exclusion.exclude([name, "unknown"], until=stage.time + 1e6)
    assert all(name in rows for rows in rows_of(stage))
    hours, taught = stage.table["base_hours"][own], stage.scored["population_learnt_at"][scored]
    stage.play(6)
    assert stage.table["base_hours"][own] == hours
    assert stage.scored["population_learnt_at"][scored] == taught
    for part in (stage.observer, stage.detector.learning):
        part.exclusion.exclude([name], until=0)
    stage.play(6)
    assert stage.table["base_hours"][own] > hours
    assert stage.scored["population_learnt_at"][scored] > taught


class OnlyDue:
    """An observer that gets only the accounts that are due."""

    def __init__(self, observer):
        self.observer, self.shown, self.left_out = observer, 0, 0

    def observe(self, time, slots, matrix):
        due = self.observer.due(time, slots, matrix[:, COLUMN["requests_day"]])
        self.shown += int(np.count_nonzero(due))
        self.left_out += int(np.count_nonzero(~due))
        return self.observer.observe(time, slots[due], matrix[due])


def test_observing_only_accounts_that_are_due_equals_observing_all():
    whole: Any = Stage()
    part: Any = Stage()
    for stage in (whole, part):
        stage.play(48)
    few, found = OnlyDue(part.observer), []
    part.observer = few
    for number in range(100):
        for stage in (whole, part):
            stage.time += 400 + 31 * (number % 3)
            rows = crowd(60, 1, stage.time) | {"light": SERVICE | {"requests_day": 20}}
            found.append(stage.score(rows | ({"lone": EXTRACTOR} if number > 40 else {})))
    assert found[::2] == found[1::2]
    assert any(found)
    assert part.detector.state() == whole.detector.state()
    assert rows_of(part) == rows_of(whole)
    assert min(few.shown, few.left_out) > 1000
