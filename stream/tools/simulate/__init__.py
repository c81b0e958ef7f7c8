"""Gateway traffic with planted campaigns, for demos and tests; it never scores an account."""

from stream.tools.simulate.request import Label, Request
from stream.tools.simulate.scenario import SCENARIOS, Scenario, scenario

__all__ = ["SCENARIOS", "Label", "Request", "Scenario", "scenario"]
