"""A real Prometheus with the shipped rules, and its answers."""

from __future__ import annotations

import json
import math
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from testlib.deployment.rules import PROMETHEUS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass
class Prometheus:
    """A running one; ``began`` is when it was started, epoch seconds."""

    address: str
    began: float = field(default_factory=time.time)

    def get(self, path: str, **parameters: object) -> Any:
        """Return the data of an answer of its API."""
        url = f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - loopback
            return json.load(answer)["data"]

    def value(self, query: str) -> float:
        """Return the sum of the samples of now."""
        return sum(float(series["value"][1]) for series in self.get("query", query=query)["result"])

    def samples(self, query: str) -> list[float]:
        """Return every number that a query has had since the start."""
        span = {"start": self.began, "end": time.time(), "step": 3}
        found = self.get("query_range", query=query, **span)["result"]
        values = [float(value) for series in found for _, value in series["values"]]
        return [value for value in values if math.isfinite(value)]


def prometheus_command(program: str, folder: Path, targets: Sequence[int], port: int) -> list[str]:
    """Return the command of one that scrapes these ports each second, with the shipped rules."""
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(PROMETHEUS / "rules" / "*.yaml")],
        "scrape_configs": [
            {
                "job_name": "distillwatch",
                "static_configs": [{"targets": [f"127.0.0.1:{page}" for page in targets]}],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    return [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
