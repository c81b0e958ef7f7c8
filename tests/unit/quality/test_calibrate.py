"""Fitting claims on looks: monotone, bounded by the sample, refused where that is too small."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from quality.calibrate import TABLE, calibrated, outcomes
from quality.fit import Sample, TooFewLooksError, fit
from quality.looks import Look, Unit, recorded, units
from quality.rewrite import rewritten

from stream.campaigns.clusters.detector import ClusterDetector
from stream.campaigns.scoring.claim import Curve, LinkBasis
from stream.campaigns.scoring.statistics import statistics
from stream.campaigns.scoring.table import CLAIMS
from stream.campaigns.settings import CampaignSettings
from stream.metrics import Metrics
from testlib.clusters import GROUP
from testlib.groups import OTHERS, START_S, pool

IDLE = Curve("idle_free_share", ((0.3, 0.0), (0.8, 2.0)))
KNOWN = {name: None if np.isnan(x) else float(x) for name, x in statistics(GROUP).items()}


def unit(*shares: float, campaign: bool, **others: float | None) -> Unit:
    looks = [
        Look(60.0 * i, ["a"], LinkBasis.OTHER, KNOWN | {"idle_free_share": share} | others)
        for i, share in enumerate(shares)
    ]
    return Unit("x", campaign=campaign, looks=looks)


@pytest.fixture
def separate() -> list[Unit]:
    rng = np.random.default_rng(3)
    return [
        *(unit(*rng.uniform(0.0, 0.6, 5), campaign=False) for _ in range(30)),
        *(unit(*rng.uniform(0.4, 1.0, 5), campaign=True) for _ in range(12)),
    ]


def test_a_fit_is_monotone_and_bounded_by_the_sample(separate: list[Unit]) -> None:
    sample = Sample.of(separate, "idle_free_share")
    x, y = np.array(fit(sample, IDLE)).T
    assert (np.diff(x) > 0).all()
    assert (np.diff(y) >= 0).all()
    assert y[0] == 0  # the row only raises the score, so the fit does, too
    assert 1 < y[-1] <= sample.most


def test_a_fit_may_fall(separate: list[Unit]) -> None:
    falling = Curve("idle_free_share", ((0.3, 1.0), (0.8, -1.0)))
    mirrored = [Unit(one.scenario, campaign=not one.campaign, looks=one.looks) for one in separate]
    _, y = np.array(fit(Sample.of(mirrored, "idle_free_share"), falling)).T
    assert (np.diff(y) <= 0).all()
    assert y[0] > 1 > -1 > y[-1]


def test_many_looks_at_one_group_are_one_observation() -> None:
    once = [unit(0.2, campaign=False), unit(0.9, campaign=True)]
    often = [unit(*[0.2] * 50, campaign=False), unit(0.9, campaign=True)]
    weak = replace(IDLE, knots=((0.3, 0.0), (0.8, 0.5)))
    knots = [fit(Sample.of(each, "idle_free_share"), weak) for each in (once, often)]
    assert knots[0] == knots[1]


def test_too_few_looks_fit_nothing(separate: list[Unit]) -> None:
    with pytest.raises(TooFewLooksError, match=r"12 campaigns show log odds of 2\.6 at most"):
        fit(Sample.of(separate, "idle_free_share"), replace(IDLE, knots=((0.3, 0.0), (0.8, 4.0))))


def test_unknown_statistics_are_left_out() -> None:
    found = [unit(0.2, campaign=False, idle_free_share=None), unit(0.9, campaign=True)]
    sample = Sample.of(found, "idle_free_share")
    assert (sample.harmless_units, sample.campaign_units) == (0, 1)


def test_a_fit_that_loses_a_campaign_is_not_taken(separate: list[Unit]) -> None:
    needs = unit(0.8, campaign=True, young_log_ratio=3.5, prompt_cooccurrence=3.0)
    found = [*separate, needs]
    before = outcomes(found, CLAIMS)
    claims, lines = calibrated(found, "a test")
    assert outcomes(found, claims).no_worse_than(before)
    assert len(lines) == len(claims) == len(CLAIMS)


def test_looks_that_share_half_of_their_members_are_one_unit(tmp_path) -> None:
    looks = [
        Look(float(i), members, LinkBasis.OTHER, KNOWN)
        for i, members in enumerate([["a", "b", "c"], ["b", "c", "d"], ["x", "y", "z"]])
    ]
    path = tmp_path / "benign.looks"
    path.write_bytes(msgspec.msgpack.encode(looks))
    assert sorted(len(unit.looks) for unit in units(path, "benign", None)) == [1, 2]


def test_writing_the_table_changes_what_was_fitted_alone() -> None:
    source = TABLE.read_text()
    assert rewritten(source, CLAIMS) == source
    number = next(i for i, c in enumerate(CLAIMS) if c.curve.statistic == "idle_free_share")
    fitted = replace(
        CLAIMS[number],
        curve=replace(CLAIMS[number].curve, knots=((0.25, 0.0), (0.75, 1.5))),
        source="measured: 30 harmless groups and 12 campaigns of the benchmark's first set",
    )
    written = rewritten(source, [*CLAIMS[:number], fitted, *CLAIMS[number + 1 :]])
    scope: dict[str, object] = {}
    exec(compile(written, "table.py", "exec"), scope)  # noqa: S102 - the table that was written
    assert scope["CLAIMS"] == (*CLAIMS[:number], fitted, *CLAIMS[number + 1 :])


def test_groups_are_recorded_with_what_the_claims_read() -> None:
    clusters = ClusterDetector(CampaignSettings(), metrics=Metrics())
    clusters.add(START_S + 60, [OTHERS, *pool(1)])
    with recorded() as looks:
        clusters.detect(clusters.due)
    found = [look for look in looks.values() if len(look.members) == 24]
    assert found
    assert all(look.statistics.keys() >= {"owners", "young_log_ratio"} for look in found)
    assert {look.statistics["shared_payments"] for look in found} == {4.0}
