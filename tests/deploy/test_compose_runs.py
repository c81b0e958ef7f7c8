"""The compose file in containers: from the demo's traffic to alerts that fire, over a kill."""

import contextlib
import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import msgspec
import pytest
from kafka import KafkaConsumer

from stream.core.alerts import Alert
from stream.tools.report.campaign_traffic import CampaignTraffic
from stream.tools.report.labels import Labels
from stream.tools.report.scorecard import score
from stream.tools.simulate.scenario import scenario
from testlib import metrics
from testlib.deployment.composed import composed
from testlib.deployment.containers import ContainersError, inspected, podman
from testlib.until import until
from testlib.workers.command import page

pytestmark = [pytest.mark.deploy, pytest.mark.integration, pytest.mark.timeout(1200)]

TOKEN = "t" * 16
VARIABLES = {
    "PACE": "720",  # a day in two minutes: an incident of nine hours outlasts a scrape
    "PAGE_TOKEN": TOKEN,
    "ENFORCER_TOKENS": TOKEN,
    "DECISIONS_KEY": "k" * 32,
    "WORKER_MEMORY": "400m",
}
SERVICES = ("kafka", "alertmanager", "prometheus", "topics", "worker", "enforcer", "traffic")
#: Takes more memory than a worker may have, and less than this machine has.
TAKES_MEMORY = "taken = [bytearray(2**20) for _ in range(1000)]"
WITHIN_S = 300


@pytest.fixture(scope="module")
def project(containers, tool):  # noqa: ARG001 - where none can run, there is nothing to build
    with composed(tool("podman-compose"), VARIABLES) as project:
        project.up(*SERVICES)
        yield project


def get(url, **headers):
    """Return status and text."""
    request = urllib.request.Request(  # noqa: S310 - loopback
        url, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def data(url):
    return json.loads(get(url)[1])


def total(name):
    return metrics.total(page(6066, "metrics")[1], name)


def status(container, name):
    """Return a line of what the kernel knows of the first process of a container."""
    text = Path(f"/proc/{inspected(container)['State']['Pid']}/status").read_text()
    return re.findall(rf"^{name}:\s+(.*)$", text, re.MULTILINE)[0].split()


def test_services_run_without_rights(project):
    for name in set(SERVICES) - {"topics", "traffic"}:
        container = project.container(name)
        assert "0" not in status(container, "Uid"), name
        assert int(status(container, "CapEff")[0], 16) == 0, name
        assert status(container, "NoNewPrivs") == ["1"], name
        if name != "kafka":
            with pytest.raises(ContainersError, match="Read-only file system"):
                podman("exec", container, "touch", "/tmp/written")  # noqa: S108 - a path in there


def test_services_are_healthy_by_their_own_checks(project):
    for name in set(SERVICES) - {"topics", "traffic"}:
        project.wait(name, "service_healthy")


@pytest.mark.usefixtures("project")
def test_prometheus_finds_worker_and_enforcer_by_their_names():
    def jobs():
        found = data("http://127.0.0.1:9090/api/v1/query?query=up==1")["data"]["result"]
        return {one["metric"]["job"] for one in found}

    both = {"distillwatch", "distillwatch-enforcer"}
    until(lambda: jobs() == both, what="two jobs", within_s=WITHIN_S, detail=lambda: str(jobs()))


@pytest.mark.usefixtures("project")
def test_page_and_enforcer_answer_to_their_tokens():
    page_url = "http://127.0.0.1:6066/page/api/overview"
    assert get(page_url, Authorization=f"Bearer {TOKEN}")[0] == 200
    assert get(page_url, Authorization="Bearer other")[0] == 401
    enforcer_url = "http://127.0.0.1:6070/authorize"
    assert get(enforcer_url, x_api_key=TOKEN, x_account="a")[0] == 200
    assert get(enforcer_url, x_api_key="other", x_account="a")[0] == 401


def test_a_worker_at_its_memory_limit_is_killed_and_starts_again(project):
    """While it reads: what it had not committed it reads again, as the next test shows."""
    worker = project.container("worker")
    until(lambda: total("distillwatch_events_total") > 5000, what="traffic", within_s=WITHIN_S)
    first = inspected(worker)["State"]["Pid"]
    # Of all in the container the kernel is to choose the worker, as if it were what had grown.
    Path(f"/proc/{first}/oom_score_adj").write_text("1000")
    with contextlib.suppress(ContainersError):  # it ends with its container
        podman("exec", worker, "python", "-c", TAKES_MEMORY)
    until(
        lambda: inspected(worker)["State"]["Pid"] not in {0, first},
        what="another process",
        within_s=WITHIN_S,
        detail=lambda: str(inspected(worker)["State"]),
    )
    project.wait("worker", "service_healthy")
    assert inspected(worker)["RestartCount"] == 1


def test_every_campaign_of_the_demo_is_found_and_fires(project):
    def prometheus():
        alerts = data("http://127.0.0.1:9090/api/v1/alerts")["data"]["alerts"]
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}

    def alertmanager():
        alerts = data("http://127.0.0.1:9093/api/v2/alerts")
        return {(one["labels"]["alertname"], "alert_id" in one["labels"]) for one in alerts}

    # One by one from the worker, and as a number by the rules of Prometheus. Each at its time: the
    # account's incident ends within the traffic, and the rule that counts it fires for longer.
    names = {"DistillwatchCampaign", "DistillwatchAccount"}
    expected = {(name, one_by_one) for name in names for one_by_one in (False, True)}
    seen = set()

    def all_fired():
        seen.update(alertmanager())
        return expected <= seen and names <= prometheus()

    until(
        all_fired,
        what="alerts that fire",
        within_s=WITHIN_S,
        detail=lambda: f"{prometheus()} {seen}",
    )
    until(
        lambda: project.completed("traffic") and total("distillwatch_consumer_lag_records") == 0,
        what="end of the traffic",
        within_s=WITHIN_S,
    )
    assert total("distillwatch_records_lost_total") == 0
    rows = scenario("demo").labels()
    labels = Labels.of((row.account_id, row.label, row.campaign_id) for row in rows)
    until(
        lambda: score(alerts(), labels, CampaignTraffic(labels)).perfect,
        what="every campaign",
        within_s=60,
        every_s=5,
        detail=lambda: project.log("worker"),
    )


def alerts():
    """Return the alerts, read from outside the network of the services."""
    consumer = KafkaConsumer(
        "distillwatch.alerts",
        bootstrap_servers="localhost:9094",
        auto_offset_reset="earliest",
        consumer_timeout_ms=3000,
        isolation_level="read_committed",
    )
    with contextlib.closing(consumer):
        return [msgspec.json.decode(record.value, type=Alert) for record in consumer]


def test_services_end_by_themselves_within_their_grace_period(project):
    project.compose("stop", "worker", "enforcer")
    for name in ("worker", "enforcer"):
        state = inspected(project.container(name))["State"]
        assert (state["Status"], state["ExitCode"]) == ("exited", 0), project.log(name)
