"""The shipped rules and their cases, read once."""

from __future__ import annotations

import yaml

from testlib.paths import DEPLOY

PROMETHEUS = DEPLOY / "prometheus"
CASES = PROMETHEUS / "tests" / "alerts_test.yaml"


def _rules(name: str, key: str) -> dict[str, dict]:
    groups = yaml.safe_load((PROMETHEUS / "rules" / name).read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    found = {rule[key]: rule for rule in rules}
    assert len(found) == len(rules), f"{name} has a name twice"
    return found


ALERTS = _rules("alerts.yaml", "alert")
RECORDED = {name: rule["expr"] for name, rule in _rules("recording.yaml", "record").items()}
TESTS = yaml.safe_load(CASES.read_text())["tests"]
