"""What Prometheus's and Alertmanager's own tools say about the files."""

import subprocess

import pytest

from testlib.deployment.rules import CASES, PROMETHEUS

pytestmark = pytest.mark.deploy


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_are_valid(tool):
    run(tool("promtool"), "check", "rules", *sorted(map(str, (PROMETHEUS / "rules").iterdir())))


def test_the_alerts_fire_when_they_should_and_only_then(tool):
    assert "SUCCESS" in run(tool("promtool"), "test", "rules", str(CASES))
