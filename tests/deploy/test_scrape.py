"""Dashboards and rules on a real Prometheus that scrapes the product's processes under traffic."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from stream.telemetry.shared import SEVERITIES
from stream.tools.embedded.broker import EmbeddedBroker
from stream.tools.simulate.play import play
from stream.tools.simulate.population import Crowd, PlantedCampaigns
from stream.tools.simulate.scenario import Scenario
from testlib.deployment.dashboards import QUERIES
from testlib.deployment.prometheus import Prometheus, prometheus_command
from testlib.deployment.receiving import receiving
from testlib.deployment.rules import ALERTS, RECORDED
from testlib.networks import asn, database
from testlib.ports import free_port
from testlib.until import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

pytestmark = [pytest.mark.deploy, pytest.mark.integration, pytest.mark.timeout(400)]

HOUR_S = 3600.0
PLAYED_S = 20.0
SCENARIO = Scenario(
    id="scrape",
    crowd=Crowd(people=60, tool_users=20, staff=15, services=6, batches=1, evaluations=1),
    planted=PlantedCampaigns(pool=30, after_s=2 * HOUR_S),
    span_s=5 * HOUR_S,
)
#: Five hours are too few for the default warm-up, and for many requests of one account.
SETTINGS = {
    "DETECTION_WARM_UP_S": "3600",
    "DETECTION_WARM_UP_ACCOUNTS": "10",
    "DETECTION_MIN_REQUESTS": "10",
    "TOPICS_PARTITIONS": "1",
}
TOKEN = "t" * 16
#: Commands that run beside the worker, with their own settings; the last one is the enforcer.
BESIDE = {"bridge": {"BRIDGE_TOKENS": TOKEN}, "enforcer": {"ENFORCER_TOKENS": TOKEN}}
FINDINGS = {"DistillwatchCampaign", "DistillwatchAccount"}


@pytest.fixture(scope="module")
def prometheus(
    tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    program, folder = tool("prometheus"), tmp_path_factory.mktemp("prometheus")
    with ExitStack() as stack:
        broker = stack.enter_context(EmbeddedBroker()).bootstrap
        receiver = stack.enter_context(receiving())
        page = free_port()
        asns = database(folder / "asn.mmdb", {"198.51.100.0/24": asn(64500)})
        environment = worker_environment(broker, receiver, page, asns)
        command = [sys.executable, "-m", "stream.cli.main"]
        subprocess.run([*command, "topics", "create"], env=environment, check=True, timeout=60)
        stack.enter_context(running([*command, "worker"], folder / "worker.log", environment))
        until(lambda: answers(f"http://127.0.0.1:{page}/readyz"), within_s=60, what="worker")
        targets = [page]
        for name, own in BESIDE.items():
            targets.append(free_port())
            more = {f"{name.upper()}_PORT": str(free_port()), "HTTP_PORT": str(targets[-1])}
            beside = environment | {f"DISTILLWATCH_{k}": v for k, v in (own | more).items()}
            stack.enter_context(running([*command, name], folder / f"{name}.log", beside))
            ready = f"http://127.0.0.1:{targets[-1]}/readyz"
            until(partial(answers, ready), within_s=60, what=name)
        gateway_port = int(beside["DISTILLWATCH_ENFORCER_PORT"])
        port = free_port()
        started = prometheus_command(program, folder, targets, port)
        stack.enter_context(running(started, folder / "prometheus.log"))
        found = Prometheus(f"http://127.0.0.1:{port}")
        until(lambda: answers(f"{found.address}/-/ready"), within_s=30, what="Prometheus")
        until(lambda: found.value("up") == len(targets), within_s=30, what="scrape")
        for number in range(20):
            authorize(gateway_port, f"acc-{number}")
        sent = play(SCENARIO, broker, "gateway.requests", SCENARIO.span_s / PLAYED_S)
        until(lambda: found.value("distillwatch_events_total") >= sent, within_s=60, what="events")
        firing = 'ALERTS{alertname="DistillwatchCampaign", alertstate="firing"}'
        until(lambda: found.value(firing) > 0, within_s=60, what="campaign")
        until(
            lambda: found.value('distillwatch_sink_deliveries_total{result="delivered"}') > 2,
            within_s=30,
            what="delivery",
        )
        until(lambda: found.value("distillwatch_decisions") > 0, within_s=30, what="proposal")
        time.sleep(5)  # some scrapes more, for the rates
        yield found


def worker_environment(broker: str, receiver: str, page: int, asns: Path) -> dict[str, str]:
    named = SETTINGS | {
        "KAFKA_BOOTSTRAP_SERVERS": broker,
        "KAFKA_TRANSACTIONS": "false",
        "KAFKA_COMMIT_INTERVAL_S": "1",
        "WINDOWS_IDLE_TIMEOUT_S": "1",
        "INTAKE_ASN_DATABASE": str(asns),
        "HTTP_HOST": "127.0.0.1",
        "HTTP_PORT": str(page),
        "WEBHOOK_URL": receiver,
        "WEBHOOK_SECRET": "whsec_" + "c2VjcmV0" * 4,
        "DECISIONS_KEY": "k" * 32,
    }
    kept = {name: value for name, value in os.environ.items() if "DISTILLWATCH_" not in name}
    return kept | {f"DISTILLWATCH_{name}": value for name, value in named.items()}


def authorize(port: int, account: str) -> None:
    headers = {"x-account": account, "X-Api-Key": TOKEN}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/authorize", headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
        assert answer.status == 200


@contextmanager
def running(
    command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
    try:
        yield
        assert process.poll() is None, log.read_text()[-2000:]
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - loopback
            return True
    except OSError:
        return False


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_every_query_of_a_dashboard_returns_data(prometheus, query):
    assert prometheus.samples(query.filled("15s", job=".+", instance=".+"))


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_figure_returns_data(prometheus, name):
    assert prometheus.samples(name)


def test_prometheus_evaluates_every_rule(prometheus):
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules} == ALERTS.keys() | RECORDED.keys()
    assert [rule for rule in rules if rule["health"] != "ok"] == []


def test_only_the_finding_fires(prometheus):
    alerts = prometheus.get("alerts")["alerts"]
    firing = [alert for alert in alerts if alert["state"] == "firing"]
    assert {alert["labels"]["alertname"] for alert in firing} <= FINDINGS
    campaign = next(a for a in firing if a["labels"]["alertname"] == "DistillwatchCampaign")
    assert campaign["labels"]["severity"] in SEVERITIES
    link = urllib.parse.urlparse(campaign["annotations"]["dashboard_url"])
    span = urllib.parse.parse_qs(link.query)
    assert int(span["from"][0]) < 1000 * time.time() < int(span["to"][0]) + 300_000
    assert span["var-job"] == ["distillwatch"]


def test_the_variables_of_the_dashboards_have_values(prometheus):
    for label in ("job", "instance"):
        values = prometheus.get(f"label/{label}/values", **{"match[]": "distillwatch_build_info"})
        assert len(values) == 1
