"""An hour of two dozen accounts with a planted pool."""

from __future__ import annotations

from stream.tools.simulate.population import Crowd, PlantedCampaigns
from stream.tools.simulate.scenario import Scenario

SCENARIO = Scenario(
    id="partition-task",
    crowd=Crowd(
        people=8,
        tool_users=4,
        staff=4,
        services=3,
        batches=0,
        evaluations=0,
        pipelines=0,
        migrations=0,
        tutoring=0,
    ),
    planted=PlantedCampaigns(pool=12, after_s=600.0),
    span_s=3600.0,
)
