"""Tails, calibration and evidence as arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.accounts.detection.calibration import Calibration
from stream.accounts.detection.evidence import (
    COMBINATION,
    MODELLED,
    MOST_HART,
    OUT_OF_PLAN,
    RANKED,
    TRACKED,
    combine,
)
from stream.accounts.detection.settings import DetectionSettings
from stream.accounts.detection.tails import Tails
from stream.store.account_table import AccountTable
from testlib.traffic.crowds import Stage

hartleys = st.floats(0, MOST_HART)


def tails_of(values, half_life_s=1e9):
    tails = Tails(1, half_life_s=half_life_s)
    tails.learn(0.0, np.asarray(values, float)[:, None])
    return tails


def test_surprisal_is_the_tail_in_hartleys():
    rng = np.random.default_rng(1)
    tails = tails_of(np.clip(rng.exponential(0.05, 20_000), 0, 1))
    for p in (0.5, 0.1, 0.01, 0.001):
        value = np.array([[-0.05 * np.log(p)]])
        assert tails.surprisal(value, most=9)[0, 0] == pytest.approx(-np.log10(p), abs=0.15)


def test_unknown_values_and_nothing_learnt_have_no_surprisal():
    assert tails_of([0.1, 0.2]).surprisal(np.array([[np.nan]]), most=4)[0, 0] == 0
    assert Tails(1, half_life_s=1.0).surprisal(np.array([[1.0]]), most=4)[0, 0] == 0


def test_a_few_extremes_do_not_hide_the_next():
    rng = np.random.default_rng(2)
    normal = rng.normal(0.4, 0.03, 1000)
    clean, mixed = tails_of(normal), tails_of([*normal, *[1.0] * 30])
    value = np.array([[0.9]])
    assert mixed.surprisal(value, most=4)[0, 0] == clean.surprisal(value, most=4)[0, 0] == 4


def test_old_observations_fade():
    tails = tails_of([0.9] * 100, half_life_s=100.0)
    tails.learn(1000.0, np.full((100, 1), 0.1))
    assert tails.medians()[0] == pytest.approx(0.1, abs=0.01)


def combined(
    ranked,
    own=None,
    combination=0.0,
    hours=24.0,
    *,
    whole=True,
    extraction=0.0,
    new_hours=24.0,
    **other,
):
    return combine(
        np.array([ranked]),
        np.zeros((1, len(TRACKED))) if own is None else np.array([own]),
        {
            COMBINATION: np.array([combination]),
            OUT_OF_PLAN: np.array([other.get("on_plan", 0.0)]),
        },
        new_extraction=np.array([extraction]),
        active_hours=np.array([hours]),
        new_hours=np.array([new_hours]),
        whole_life_seen=np.array([whole]),
        appeared=np.array([other.get("appeared", False)]),
    )


@given(st.lists(hartleys, min_size=len(RANKED), max_size=len(RANKED)),
       st.lists(hartleys, min_size=len(TRACKED), max_size=len(TRACKED)),
       hartleys, st.floats(0, 24), st.tuples(st.booleans(), st.booleans(), hartleys), hartleys,
       st.floats(0, 48))  # fmt: skip
def test_parts_sum_to_the_evidence_and_none_is_negative(
    ranked, own, combination, hours, others, extraction, new_hours
):
    whole, appeared, on_plan = others
    more = {"whole": whole, "appeared": appeared, "on_plan": on_plan}
    more |= {"extraction": extraction, "new_hours": new_hours}
    evidence = combined(ranked, own, combination, hours, **more)
    assert sum(part[0] for part in evidence.parts.values()) == pytest.approx(evidence.total[0])
    assert all(part[0] >= 0 for part in evidence.parts.values())
    assert evidence.total[0] <= 4 * MOST_HART


@given(st.sampled_from(["volume_for_age", "output_day", "output_ratio"]))
def test_without_one_of_the_core_there_is_no_evidence(missing):
    ranked = [0.0 if name == missing else MOST_HART for name in RANKED]
    assert combined(ranked, combination=MOST_HART).total[0] == 0


@given(st.sampled_from(["requests_day", "output_day", "output_ratio"]))
def test_nor_of_an_account_that_is_new_to_the_log(missing):
    ranked = [0.0 if name == missing else MOST_HART for name in RANKED]
    assert combined(ranked, combination=MOST_HART, whole=False, appeared=True).total[0] == 0


def test_a_first_request_counts_for_two_hartleys_at_most_and_after_hours():
    every = [MOST_HART] * len(RANKED)
    found = [
        combined(every, hours=hours, whole=False, appeared=True).total[0]
        for hours in (1, 2, 3, 4, 5, 9)
    ]
    assert found[:2] == [0, 0]
    assert found == sorted(found)
    assert found[4:] == [pytest.approx(4 * 2.0)] * 2


def test_a_shift_alone_is_no_evidence_and_nor_is_extraction_without_one():
    shifted = [MOST_HART if name == "content_shift" else 0.0 for name in RANKED]
    own = [MOST_HART if name == "content_shift" else 0.0 for name in TRACKED]
    assert combined(shifted, own).total[0] == 0
    assert combined([0.0] * len(RANKED), own, extraction=MOST_HART).total[0] == 0
    assert combined(shifted, extraction=MOST_HART).total[0] == 0
    assert combined(shifted, own, extraction=MOST_HART, new_hours=np.nan).total[0] == 0
    assert combined(shifted, own, extraction=1.0).total[0] == pytest.approx(2 * 1.0 + 2.0)


def test_scores_grow_with_evidence_and_the_budget_lies_at_the_open_score():
    evidence = np.linspace(0, 16, 65)
    scores = []
    for budget in (1.0, 10.0):
        settings = DetectionSettings(alerts_budget=budget)
        table = AccountTable(Calibration.FIELDS, max_accounts=10)
        scores.append(Calibration(settings, table, open_score=0.8).scores(evidence))
    for some in scores:
        assert (np.diff(some) >= 0).all()
        assert some[0] == 0
        assert some[-1] <= 1
    # A tenfold budget opens earlier.
    first = [int((some >= 0.8).argmax()) for some in scores]
    assert first[1] < first[0]


def test_benign_peaks_raise_the_bar():
    settings = DetectionSettings()
    table = AccountTable(Calibration.FIELDS, max_accounts=1000)
    calibration = Calibration(settings, table, open_score=0.8)
    before = calibration.scores(np.array([7.0]))[0]
    slots = table.slots([f"a{i}" for i in range(300)], priority=lambda s: np.zeros(len(s)))
    rough = np.random.default_rng(3).exponential(2.0, 300)
    calibration.learn(0.0, slots, rough, np.ones(300, bool))
    calibration.learn(7 * 3600.0, slots, rough, np.ones(300, bool))
    assert calibration.peaks.weights.sum() == 300
    assert calibration.scores(np.array([7.0]))[0] < before


def test_a_block_with_an_alarm_is_not_learnt():
    table = AccountTable(Calibration.FIELDS, max_accounts=10)
    calibration = Calibration(DetectionSettings(), table, open_score=0.8)
    slot = table.slots(["a"], priority=lambda s: np.zeros(len(s)))
    for quiet in (True, False, True):
        calibration.learn(10.0, slot, np.array([5.0]), np.array([quiet]))
    calibration.learn(7 * 3600.0, slot, np.array([0.0]), np.array([True]))
    assert calibration.peaks.weights.sum() == 0


def test_feature_order_does_not_matter_to_the_population_model():
    assert list(MODELLED) == sorted(MODELLED)
    stage = Stage()
    assert stage.detector.model_version == Stage().detector.model_version
