"""The demo on a part of its traffic: a pool is found, decided about, and stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stream.tools.demo.run import Demo, DemoOutcome
from stream.tools.simulate.population import PlantedCampaigns
from stream.tools.simulate.scenario import scenario

if TYPE_CHECKING:
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


def children() -> set[str]:
    """Return the process ids of what this process started and has not ended."""
    files = Path("/proc/self/task").glob("*/children")
    return {pid for file in files for pid in file.read_text().split()}


@pytest.mark.parametrize("moment", ["on_start", "on_progress"])
def test_an_interrupted_demo_ends_all_that_it_started(moment: str) -> None:
    def interrupt(*_: object) -> None:
        demo.interrupt()

    names = ("on_start", "on_alert", "on_approved", "on_progress", "on_outcome")
    callbacks = {name: interrupt if name == moment else ignored for name in names}
    demo = Demo(scenario=PART, seconds=SECONDS, port=0, **callbacks)
    before = children()
    with pytest.raises(KeyboardInterrupt):
        demo.run()
    assert children() == before


def test_a_pool_is_found_and_stopped_and_everyone_else_is_served() -> None:
    approved: list[Decision] = []
    outcomes: list[DemoOutcome] = []
    outcome = Demo(
        scenario=PART,
        seconds=SECONDS,
        port=0,
        on_start=ignored,
        on_alert=ignored,
        on_approved=approved.append,
        on_progress=ignored,
        on_outcome=outcomes.append,
    ).run()
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
