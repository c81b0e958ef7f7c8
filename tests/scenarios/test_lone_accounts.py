"""The extractor is found within hours; each benign twin and the crowd stay silent."""

from __future__ import annotations

import numpy as np
import pytest

from testlib.traffic.crowds import (
    EXTRACTOR,
    HOUR,
    OPEN,
    ROTATING,
    SERVICE,
    TWINS,
    Stage,
    crowd,
    opened,
)

LENGTHS = ("output_hour", "output_day", "output_per_request", "output_ratio")


@pytest.fixture(scope="module")
def stored():
    """A population of two days, as state that each test continues from."""
    stage = Stage()
    assert stage.play(48) == []
    return stage.saved()


@pytest.fixture
def stage(stored):
    return Stage.restored(stored)


def test_the_extractor_is_found_and_explained(stage):
    # Verdicts repeat; the first at the open score is what alerting acts on.
    found = [v for v in stage.play(8, {"lone": EXTRACTOR}) if v.score >= OPEN]
    assert {v.account_id for v in found} == {"lone"}
    first = found[0]
    assert sum(e.contribution for e in first.evidence) == pytest.approx(1)
    shares = [e.contribution for e in first.evidence]
    assert shares == sorted(shares, reverse=True)
    assert {"volume_for_age", "output_day", "output_ratio"} <= {e.feature for e in first.evidence}
    ratio = next(e for e in first.evidence if e.feature == "output_ratio")
    assert ratio.value == 2.4
    assert 0.05 < ratio.baseline < 0.3
    assert first.since <= first.time
    assert first.observed.requests >= 5000
    assert first.observed.output_tokens >= 6_000_000


def test_exits_that_rotate_support_a_case_and_are_named(stage):
    cases = {"rotating": EXTRACTOR | ROTATING, "steady": EXTRACTOR}
    found = {v.account_id: v for v in stage.play(8, cases)}
    assert min(found[name].score for name in cases) >= OPEN
    assert found["rotating"].score >= found["steady"].score
    named = {name: {e.feature for e in found[name].evidence} for name in cases}
    assert "exit_rotation" in named["rotating"] - named["steady"]


@pytest.mark.parametrize("name", sorted(TWINS))
def test_benign_twins_are_silent(stage, name):
    # Judged from its arrival, and long enough to have a baseline of its own.
    assert opened(stage.play(48, {name: TWINS[name]})) == set()


@pytest.mark.parametrize("feature", ["output_day", "output_ratio", "templated_breadth",
                                     "active_hours", "volume_for_age"])  # fmt: skip
def test_no_single_indicator_raises_an_alert(stage, feature):
    extreme = SERVICE | {feature: 1000 * SERVICE[feature], "age": 0.9}
    assert stage.play(8, {"one": extreme}) == []


def test_an_account_that_changes_is_suspect_and_one_that_grows_is_not(stage):
    before = {"turned": SERVICE, "grown": SERVICE}
    assert stage.play(48, before) == []
    turned = EXTRACTOR | {"age": 200, "volume_for_age": 25}
    grown = SERVICE | {"requests_day": 50_000, "output_day": 2.8e6, "volume_for_age": 250}
    assert opened(stage.play(6, {"turned": turned, "grown": grown})) == {"turned"}


def test_an_account_older_than_the_stream_cannot_be_new(stage):
    assert stage.play(6, {"old": EXTRACTOR | {"age": 30}}) == []


def test_a_score_has_to_last_before_it_counts_in_full(stage):
    assert opened(stage.play(1, {"lone": EXTRACTOR})) == set()
    assert opened(stage.play(1, {"lone": EXTRACTOR})) == {"lone"}


def test_a_suspect_episode_ends_after_a_quiet_period(stage):
    stage.play(4, {"lone": EXTRACTOR})
    slot = stage.scored.slot("lone")
    assert not np.isnan(stage.scored["suspect_since"][slot])
    stage.play(30, {"lone": SERVICE})
    assert np.isnan(stage.scored["suspect_since"][slot])
    assert stage.scored["suspect_sums"][slot].sum() == 0


def test_a_wave_of_new_accounts_cannot_make_itself_common(stage):
    wave = {f"wave-{i}": EXTRACTOR for i in range(30)}
    assert "lone" in opened(stage.play(10, wave | {"lone": EXTRACTOR}))


@pytest.fixture(scope="module")
def settled():
    """A population of 200 and three days, as state; one of them changes later."""
    stage = Stage()
    assert opened(stage.play(72, {"changed": SERVICE}, accounts=200)) == set()
    return stage.saved()


@pytest.mark.parametrize(("times", "part"), [(4, 1.0), (20, 1.0), (20, 0.5), (20, 0.25)])
def test_answers_of_many_that_grow_at_once_open_no_flood_of_incidents(settled, times, part):
    stage = Stage.restored(settled)
    found = _after_growth(stage, 4, times=times, part=part)
    assert len({finding.account_id for finding in found}) > 40 * part  # suspect, but not told
    assert stage.detector.suppressed > 40 * part
    found += _after_growth(stage, 28, times=times, part=part)
    assert len(opened(found)) <= 4  # of 200
    # By then it is usual, and what an account changes says something again.
    assert stage.detector.suppressed == 0


def test_a_new_account_that_extracts_while_everybody_changes_is_found(settled):
    # One that was there before would not be: how it has changed says nothing then.
    taken = EXTRACTOR | {key: EXTRACTOR[key] * 4 for key in LENGTHS}
    stage = Stage.restored(settled)
    assert opened(_after_growth(stage, 8, times=4, suspects={"lone": taken})) == {"lone"}


def test_who_was_told_before_everybody_changes_is_told_on_and_teaches_others_nothing(settled):
    stage = Stage.restored(settled)
    changed = {"changed": EXTRACTOR | {"age": 203, "volume_for_age": 25}}
    assert opened(stage.play(3, changed, accounts=200)) == {"changed"}
    slot = stage.scored.slot("changed")
    taught = float(stage.scored["population_learnt_at"][slot])
    assert opened(_after_growth(stage, 4, times=4, suspects=changed)) == {"changed"}
    assert stage.detector.suppressed > 0
    assert float(stage.scored["population_learnt_at"][slot]) == taught


def _after_growth(stage, hours, *, times, part=1.0, suspects=None):
    """Judge the crowd each quarter of an hour, part of it with answers so many times longer."""
    found = []
    for _ in range(4 * hours):
        stage.time += HOUR / 4
        rows = crowd(200, 1, HOUR * (stage.time // HOUR))
        for name in sorted(rows)[: round(part * len(rows))]:
            rows[name] |= {key: rows[name][key] * times for key in LENGTHS}
        found += stage.score(rows | (suspects or {}))
    return found
