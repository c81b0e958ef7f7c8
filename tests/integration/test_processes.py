"""A worker of two processes as its users run it, while a process or their supervisor is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
import uuid
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stream.worker.shutdown_watchdog import STOP_WITHIN_S
from testlib.processes import children
from testlib.until import until
from testlib.workers.command import DISTILLWATCH, run
from testlib.workers.product import Product, read_topic, requests_counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from testlib.workers.worker import Worker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

TOKEN = "correct-horse-battery"  # noqa: S105 - of this test
RESTARTS = "distillwatch_process_restarts_total"


@pytest.fixture
def product(bootstrap: str, broker: str, tmp_path: Path) -> Iterator[Product]:
    own = {
        "KAFKA_TRANSACTIONS": str(broker == "kafka").lower(),
        "TOPICS_VERDICTS": f"v{uuid.uuid4().hex[:8]}",
        "WORKER_PROCESSES": "2",
        "PAGE_TOKEN": TOKEN,
    }
    made = Product(bootstrap, f"p{uuid.uuid4().hex[:8]}", tmp_path, overrides=own)
    try:
        made.create_topics()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def lines(ring: Callable[..., Iterator[bytes]]) -> list[bytes]:
    """Three hours with a ring of accounts, and over an hour later an event for each partition."""
    start = 1_772_409_600.0
    found = list(ring(start, range(180), attack_from=60))
    late = [
        {"timestamp": start + 4 * 3600 + 1980, "account_id": f"late-{i}", "model": "m"}
        for i in range(4)
    ]
    return [*found[: len(found) // 4 * 4], *(json.dumps(one).encode() for one in late)]


def processes(worker: Worker) -> list[int]:
    """Return the processes of a worker that run."""
    return children(worker.process.pid)


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Scrapes:
    """The counters of a worker, scrape after scrape: none falls, none is missing for a time."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.latest: dict[tuple[str, str], float] = {}
        self.count = 0

    def take(self) -> None:
        status, text = self.worker.page("metrics", within_s=20)
        assert status == 200
        found = {
            (sample.name, str(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if family.type in {"counter", "histogram"} and not sample.name.endswith("_created")
        }
        fallen = {key: v for key, v in self.latest.items() if found.get(key, -1.0) < v}
        assert not fallen, fallen
        self.latest, self.count = found, self.count + 1


def alerts_of(records: list[bytes]) -> list[dict[str, Any]]:
    """Return what replay writes: what receivers get, then the newest states since, each once."""
    alerts = [json.loads(record) for record in dict.fromkeys(records)]
    newest = {alert["alert_id"]: alert for alert in alerts}
    told = [alert for alert in alerts if not alert.get("refresh")]
    return [*told, *(a for a in alerts if a.get("refresh") and newest[a["alert_id"]] is a)]


def replay(product: Product, lines: list[bytes]) -> list[dict[str, Any]]:
    source, out = product.folder / "requests.jsonl", product.folder / "alerts.jsonl"
    source.write_bytes(b"\n".join(lines))
    command = [*DISTILLWATCH, "replay", str(source), "--alerts", str(out)]
    subprocess.run(command, env=product.environment, check=True, capture_output=True, timeout=200)
    return [json.loads(line) for line in out.read_bytes().splitlines()]


def give_verdict(worker: Worker, alert_id: str) -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{worker.environment['DISTILLWATCH_HTTP_PORT']}/page/api/verdicts",
        data=json.dumps({"alert_id": alert_id, "verdict": "benign", "author": "Ada"}).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_killed_process_is_replaced_and_nothing_is_lost(
    product: Product, lines: list[bytes]
) -> None:
    expected = replay(product, lines)
    assert {alert["kind"] for alert in expected} >= {"campaign"}
    worker = product.start()
    worker.until_ready(within_s=150)  # on a busy machine two take their time
    scrapes = Scrapes(worker)
    settings = product.settings

    def told() -> list[dict[str, Any]]:
        return alerts_of(read_topic(settings, settings.topics.alerts))

    with product.traffic(lines, seconds=6):
        worker.until(
            lambda: worker.total("distillwatch_events_total") > 300,
            within_s=90,
            what="processes at work",
        )
        scrapes.take()
        victim, other = processes(worker)
        os.kill(victim, signal.SIGKILL)
        worker.until(lambda: worker.page("readyz")[0] == 503, what="a worker that is not ready")
        assert worker.page("livez") == (200, "ok\n")

        def recovered() -> bool:
            scrapes.take()
            return worker.ready()

        worker.until(recovered, within_s=90, what="a worker that is ready again")
    assert scrapes.count > 3
    assert worker.total(RESTARTS, end="killed") == 1
    assert other in processes(worker)
    assert len(processes(worker)) == 2
    worker.until(lambda: told() == expected, within_s=90, what="the alerts of a replay")
    scrapes.take()

    campaign = next(alert for alert in expected if alert["kind"] == "campaign")
    worker.until(lambda: give_verdict(worker, campaign["alert_id"]) == 200, what="a verdict")
    (verdict,) = read_topic(settings, settings.topics.verdicts)
    assert json.loads(verdict)["alert_id"] == campaign["alert_id"]

    started = processes(worker)
    assert worker.stop() == 0, worker.log
    assert [pid for pid in started if runs(pid)] == []
    sent = Counter(json.loads(line)["account_id"] for line in lines[:-4])
    counted = requests_counted(settings)
    assert {account: counted[account] for account in sent} == sent
    assert {line.partition(" | ")[0] for line in worker.log.splitlines()} == {
        "supervisor", "process 1", "process 2",
    }  # fmt: skip


def test_no_process_outlives_its_supervisor(product: Product) -> None:
    worker = product.start()
    worker.until_ready(within_s=150)
    started = processes(worker)
    assert len(started) == 2
    worker.process.kill()
    worker.process.wait()
    # A second, unless a broker does not answer at that moment.
    until(
        lambda: not any(map(runs, started)),
        within_s=STOP_WITHIN_S,
        what="end of the processes",
        detail=lambda: worker.log,
    )


def test_settings_that_no_process_can_use_end_the_worker(product: Product) -> None:
    done = run(product.environment | {"DISTILLWATCH_PAGE_TOKEN": "short"}, "worker")
    assert done.returncode == 2, done.stderr
    assert "distillwatch: page.token: expected 16 characters or more" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("distillwatch: process ")
