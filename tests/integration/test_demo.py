"""The demo on a part of its traffic: a pool is found, decided about, and stopped."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stream.tools.demo.run import Demo, DemoOutcome
from stream.tools.simulate.population import PlantedCampaigns
from stream.tools.simulate.scenario import scenario
from testlib.processes import children

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.core.decisions import Decision

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

HOUR_S = 3600.0
#: As fast as the demo itself, and long enough for the pool to be found and stopped.
PART = replace(
    scenario("demo"),
    planted=PlantedCampaigns(pool=40, after_s=8 * HOUR_S),
    span_s=12 * HOUR_S,
)
SECONDS = 45.0


def ignored(*_: object) -> None:
    """Take what the command line shows."""


def part_of_it(**callbacks: Callable[..., None]) -> Demo:
    """Return the demo on that part, with these callbacks and no others."""
    names = ("on_start", "on_alert", "on_approved", "on_progress", "on_outcome")
    given = dict.fromkeys(names, ignored) | callbacks
    return Demo(scenario=PART, seconds=SECONDS, port=0, **given)


@pytest.mark.parametrize("moment", ["on_start", "on_progress"])
def test_an_interrupted_demo_ends_all_that_it_started(moment: str) -> None:
    def interrupt(*_: object) -> None:
        demo.interrupt()

    demo = part_of_it(**{moment: interrupt})
    before = children(os.getpid())
    with pytest.raises(KeyboardInterrupt):
        demo.run()
    assert children(os.getpid()) == before


def test_a_pool_is_found_and_stopped_and_everyone_else_is_served() -> None:
    approved: list[Decision] = []
    outcomes: list[DemoOutcome] = []
    outcome = part_of_it(on_approved=approved.append, on_outcome=outcomes.append).run()
    assert outcomes == [outcome]
    (pool,) = outcome.response.campaigns
    print(pool)
    assert pool.action == "suspend"
    assert pool.acted_on >= 30
    assert pool.refused > 0
    assert pool.alert_to_approval_s is not None
    assert pool.approval_to_refusal_s is not None
    assert 0 <= pool.approval_to_refusal_s < 5
    # Most of it comes after the decision, and most of that does not leak.
    assert pool.refused > pool.requests / 2
    assert pool.leaked_after_share is not None
    assert pool.leaked_after_share < 0.5
    benign = outcome.response.benign
    assert benign.requests > 10 * pool.requests
    assert (benign.refused, benign.acted_on, outcome.response.unanswered) == (0, 0, 0)
    assert outcome.perfect
    # More than 20 accounts at once need two people; decisions name members of the pool alone.
    for one in approved:
        assert len(one.approved_by) == one.people_needed
