"""What another operator reported raises one's own evidence; alone it accuses no account."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from stream.campaigns.scoring import model
from stream.campaigns.scoring.decision import ClusterDecision
from stream.campaigns.scoring.table import CLAIMS

if TYPE_CHECKING:
    from stream.core.alerts import Alert
from testlib.scored import assert_scored_and_silent
from testlib.traffic.link_traffic import DAY_S, START_S, Account, campaign_of, fixed, people, run
from testlib.traffic.stories import RELEASE_S, pool, tool_users


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def reported(accounts: list[Account], confidence: int = 90) -> list[Account]:
    return [replace(account, reported=confidence) for account in accounts]


def alerts_on(count: int, *, confidence: int) -> list[Alert]:
    """Return the alerts on a small campaign among people, each time of the same traffic."""
    rng = np.random.default_rng(3)
    small = reported(pool(rng, count), confidence)
    return run([*people(rng, 300), *small], hours=16)


def test_a_small_campaign_is_found_with_a_report_and_shows_it() -> None:
    assert alerts_on(12, confidence=0) == []
    alert = campaign_of(alerts_on(12, confidence=90))
    assert all(name.startswith("pool-") for name in alert.account_ids or ())
    assert "foreign_indicators" in {one.feature for one in alert.evidence}
    assert "indicator" in {one.link for one in alert.links}


def test_a_report_of_what_a_thousand_accounts_use_raises_no_incident(rng) -> None:
    users = reported(tool_users(rng, 1_000), confidence=100)
    highest = assert_scored_and_silent([*people(rng, 300), *users], hours=16, twin="tool-")
    assert "foreign_indicators" not in highest.evidence
    assert highest.decision == ClusterDecision.TOO_FEW_ASPECTS


def test_a_report_alone_accuses_no_account_however_few_use_it(rng) -> None:
    """They have nothing in common but what was reported: fleets of other owners, of all ages."""
    accounts = [
        Account(
            name=f"named-{i}",
            per_day=float(rng.lognormal(3, 1.0)),
            says=fixed("the named prompt"),
            created_at=START_S - float(30 + rng.lognormal(5, 1)) * DAY_S,
            payment=f"named-card-{i}",
            addresses=(f"named-home-{i}",),
            client=f"client-{i % 7}",
            hours=((first := int(rng.integers(24))), (first + 12) % 24),
        )
        for i in range(40)
    ]
    highest = assert_scored_and_silent(
        [*people(rng, 600), *reported(accounts, 100)], hours=16, twin="named-"
    )
    assert "foreign_indicators" not in highest.evidence
    assert highest.decision == ClusterDecision.TOO_FEW_ASPECTS


def test_a_forged_report_of_new_users_of_a_tool_raises_no_incident() -> None:
    """A tool that was just released: its users are new, one strong aspect and no other."""
    rng = np.random.default_rng(7)
    accounts = [*people(rng, 150), *tool_users(rng, 100, start_s=RELEASE_S, young=0.6)]
    users = reported(accounts[150:], 100)
    highest = assert_scored_and_silent([*accounts[:150], *users], hours=26, twin="tool-")
    assert "young_accounts" in highest.evidence
    assert "foreign_indicators" not in highest.evidence


def test_a_report_is_no_aspect_and_adds_a_bounded_amount() -> None:
    (claim,) = [one for one in CLAIMS if one.name == "foreign_indicators"]
    assert claim.aspect is None
    statistics = {"foreign_log_ratio": math.log(100), "foreign_confidence": 1.0}
    assert [one.log_odds for one in model.weigh(statistics, [claim])] == [1.5]
    for confidence in (0.0, 0.25, 0.5):
        statistics["foreign_confidence"] = confidence
        assert model.weigh(statistics, [claim])[0].log_odds == 1.5 * confidence
