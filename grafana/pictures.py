"""Pictures of a run of the demo: `make pictures`.

The dashboards, drawn with what Prometheus knows of it, and the page in a real browser.
"""

from __future__ import annotations

import json
import math
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drawing import Line, draw
from photographs import photograph

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent

FOLDER = HERE / "pictures"
RULES = HERE.parent / "deploy" / "prometheus" / "rules"
STEPS = 120
#: Fifteen scrapes.
RATE_INTERVAL = "15s"
CAPTION = (
    'Data of the dashboard "{title}" from a run of `make demo`, read from Prometheus and drawn by '
    "grafana/pictures.py. Not a picture of Grafana."
)


def picture(name: str, address: str, began: float, ended: float) -> str:
    """Return a dashboard's picture with what a Prometheus knows of a span, epoch seconds."""
    dashboard = json.loads((HERE / f"{name}.json").read_text())
    data = {
        panel["id"]: [
            line
            for target in panel["targets"]
            for line in _lines(address, target, began, ended)
            if line.points
        ]
        for panel in dashboard["panels"]
        if panel["type"] != "row"
    }
    return draw(dashboard, data, CAPTION.format(title=dashboard["title"]))


def _lines(address: str, target: dict[str, Any], began: float, ended: float) -> Iterator[Line]:
    expr = target["expr"].replace("$__rate_interval", RATE_INTERVAL)
    expr = expr.replace("$job", ".+").replace("$instance", ".+")
    step = max(1.0, (ended - began) / STEPS)
    for series in _query(address, expr, began, ended, step):
        labels = {name: text for name, text in series["metric"].items() if name != "__name__"}
        values = [(float(at), float(text)) for at, text in series["values"]]
        points = [(at, value) for at, value in values if math.isfinite(value)]
        if target.get("instant") and values[-1][0] < ended - step:
            continue  # it is gone by now
        yield Line(_legend(target["legendFormat"], labels), labels, points)


def _legend(text: str, labels: dict[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), text)


def _query(address: str, expr: str, began: float, ended: float, step: float) -> list[Any]:
    asked = {"query": expr, "start": began, "end": ended, "step": step}
    url = f"{address}/api/v1/query_range?{urllib.parse.urlencode(asked)}"
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - loopback
        return list(json.load(answer)["data"]["result"])


def main() -> None:
    """Run the demo under a Prometheus that scrapes every second; draw what it has seen."""
    worker, port = _free_port(), _free_port()
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [f"{RULES}/*.yaml"],
            "scrape_configs": [
                {
                    "job_name": "distillwatch",
                    "static_configs": [{"targets": [f"127.0.0.1:{worker}"]}],
                }
            ],
        }
        path = Path(folder, "prometheus.yml")
        path.write_text(json.dumps(config))  # JSON is YAML
        options = [f"--config.file={path}", f"--storage.tsdb.path={folder}/data"]
        options += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
        prometheus = subprocess.Popen(["prometheus", *options])  # noqa: S603, S607
        try:
            began = time.time()
            _run_demo(worker)
            up = _query(address, "up == 1", began, time.time(), 1.0)[0]["values"]
            FOLDER.mkdir(exist_ok=True)
            for path in sorted(HERE.glob("*.json")):
                text = picture(path.stem, address, float(up[0][0]), float(up[-1][0]))
                (FOLDER / f"{path.stem}.svg").write_text(text)
        finally:
            prometheus.terminate()
            prometheus.wait()


def _run_demo(port: int) -> None:
    """Run the demo to its end, and look at its page before it goes."""
    command = [sys.executable, "-m", "stream.cli.main", "demo", "--stay", "--port", str(port)]
    demo = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603
    link = ""
    for line in demo.stderr or ():
        sys.stderr.write(line)
        link = link or "".join(re.findall(r"http\S+#token=\S+", line))
        if "stays until" in line:
            photograph(link)
            demo.send_signal(signal.SIGINT)
    if demo.wait():
        raise SystemExit("the demo did not find everything")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
