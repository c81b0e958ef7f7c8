"""The table of the score: monotone claims with a source each, and no number beside the table."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields, replace

import numpy as np
import pytest

from stream.campaigns.contexts.chance import ContextSize
from stream.campaigns.population.crowded_accounts import CustomersSize
from stream.campaigns.population.foreign_indicators import ForeignSize
from stream.campaigns.scoring import model
from stream.campaigns.scoring.claim import Axis, Claim, Curve, LinkBasis
from stream.campaigns.scoring.decision import RULE
from stream.campaigns.scoring.statistics import statistics
from stream.campaigns.scoring.table import CLAIMS, PRIORS
from stream.campaigns.scoring.words import shown
from stream.campaigns.succession.figures import SuccessionSize
from testlib.clusters import GROUP

GROUNDS = ("measured", "cited", "assumed")
ROWS = [pytest.param(claim, id=claim.curve.statistic) for claim in CLAIMS]


STATISTICS = {
    name
    for group in (
        GROUP,
        replace(GROUP, links=LinkBasis.PHRASES),
        replace(GROUP, payments_only=True),
        replace(GROUP, succession=SuccessionSize(count=8), sites_known=True),
        replace(GROUP, contexts=ContextSize(20, 2.5, 20.0)),
        replace(GROUP, links=LinkBasis.TOPIC, topic_residents=20, expected_topic_residents=2.0),
        replace(GROUP, links=LinkBasis.CUSTOMERS, customers=CustomersSize(count=12)),
        replace(GROUP, foreign=ForeignSize(8, 1.0, 0.1, 0.9)),
    )
    for name in statistics(group)
}


def curves(claim: Claim) -> list[Curve]:
    return [c for c in (claim.curve, claim.limit, claim.reliability) if c is not None]


def test_the_model_has_no_numbers_but_zero_and_one() -> None:
    literals = {
        node.value
        for node in ast.walk(ast.parse(inspect.getsource(model)))
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float)
    }
    assert literals <= {0, 1}


@pytest.mark.parametrize("claim", ROWS)
def test_a_claim_is_monotone(claim: Claim) -> None:
    for curve in curves(claim):
        x, y = np.array(curve.knots).T
        assert (np.diff(x) > 0).all()
        assert (np.diff(y) >= 0).all() or (np.diff(y) <= 0).all()
        assert curve.axis is not Axis.LOG or x[0] > 0


@pytest.mark.parametrize("claim", ROWS)
def test_a_claim_has_a_source(claim: Claim) -> None:
    assert claim.source.startswith(GROUNDS)


def test_priors_and_the_numbers_of_the_rule_have_a_source() -> None:
    rule = [getattr(RULE, field.name) for field in fields(RULE)]
    assert all(number.source.startswith(GROUNDS) for number in [*PRIORS.values(), *rule])


@pytest.mark.parametrize("claim", ROWS)
def test_the_statistics_of_a_claim_are_known(claim: Claim) -> None:
    assert {curve.statistic for curve in curves(claim)} <= STATISTICS
    assert shown(claim.curve.statistic, GROUP, 1.0).meaning


def test_one_statistic_makes_one_claim() -> None:
    names = [claim.curve.statistic for claim in CLAIMS]
    assert len(set(names)) == len(names)


def test_what_is_unknown_adds_nothing() -> None:
    unknown = dict.fromkeys(STATISTICS, float("nan"))
    assert {one.log_odds for one in model.weigh(unknown)} == {0}


@pytest.mark.parametrize(
    ("statistic", "value", "log_odds"),
    [
        ("young_log_ratio", 9.0, 3.5),
        ("start_share", 0.65, 0.75),
        ("rate_dispersion", 0.0, 1.5),
        ("rate_dispersion", 0.5, 0.0),
        ("evenness_log_p", 6.0, 0.0),
        ("idle_free_share", 0.55, 1.0),
        ("prompt_cooccurrence", 16.0, 3.0),
        ("prompt_cooccurrence", 3.0, 3.0 * np.log2(4) / np.log2(17)),
        ("weak_ties", 4.0, 2.5),
        ("start_burst_log_p", 3.0, 0.0),
        ("change_point_log_p", 4.0, 1.0),
        ("handovers", np.sqrt(6 * 16), 3.0),
        ("handovers", 16.0, 6.0),
        ("unlogged_handovers", 48.0, 3.0),
        ("context_log_p", 8.0, 2.5),
        ("topic_ratio", 3 * np.sqrt(10), 1.0),
        ("spread_of_topic_links", 0.9, 2.0),
        ("customers_log_p", 5.0, 2.0),
        ("spread_of_customers", 0.76, 1.0),
        ("customers_carried_on", 1, 0.0),
        ("customers_carried_on", np.sqrt(8), 2.75),
    ],
)
def test_numbers_of_the_table(statistic: str, value: float, log_odds: float) -> None:
    known = {statistic: value}
    found = [one for one in model.weigh(known) if one.claim.curve.statistic == statistic]
    assert [one.log_odds for one in found] == [pytest.approx(log_odds)]


def test_the_strongest_claim_of_a_group_counts() -> None:
    weighed = [one for one in model.weigh(statistics(GROUP)) if one.claim.group == "words"]
    assert len(weighed) > 1
    counted = model.strongest(weighed)
    assert [one.log_odds for one in counted] == [max(one.log_odds for one in weighed)]


def test_a_claim_that_does_not_apply_does_not_outweigh_one_against() -> None:
    old = statistics(replace(GROUP, recently_first_seen=np.zeros(20)))
    counted = {one.claim.group: one.log_odds for one in model.strongest(model.weigh(old))}
    assert counted["age"] < 0
    young_unknown = statistics(replace(GROUP, young=np.zeros(0)))
    counted = {one.claim.group: one.log_odds for one in model.strongest(model.weigh(young_unknown))}
    assert counted["age"] == 0
