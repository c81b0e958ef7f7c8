"""Where the files of the repository are."""

from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
SAMPLES = TESTS / "samples"
DEPLOY = ROOT / "deploy"
GRAFANA = ROOT / "grafana"
