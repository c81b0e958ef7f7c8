"""The page of a real worker: alerts and verdicts of every worker, and nothing without a token."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from testlib.alerts import alert, produce
from testlib.ports import free_port
from testlib.workers import command
from testlib.workers.worker import Worker
from testlib.workers.worker import worker as start_worker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

TOKEN = "correct-horse-battery"  # noqa: S105 - of this test
INCIDENT = f"inc_{7:020x}"


def request_page(
    worker: Worker, path: str, body: object = None, token: str = TOKEN
) -> tuple[int, Any]:
    """Return status and JSON of an answer of the page."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{worker.environment['DISTILLWATCH_HTTP_PORT']}/page/api/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def shows_incident(worker: Worker) -> bool:
    return request_page(worker, f"incidents/{INCIDENT}")[0] == 200


def judged(worker: Worker) -> object:
    status, shown = request_page(worker, f"incidents/{INCIDENT}")
    return status == 200 and shown["row"]["verdict"] and shown["row"]["verdict"]["verdict"]


def test_every_worker_shows_the_alerts_and_verdicts_of_all_workers(
    bootstrap: str, broker: str, tmp_path: Path
) -> None:
    environment = command.settings(
        bootstrap,
        page_token=TOKEN,
        kafka_transactions=str(broker == "kafka").lower(),
    )
    assert command.run(environment, "topics", "create").returncode == 0
    topic = environment["DISTILLWATCH_TOPICS_ALERTS"]
    records = [(INCIDENT, alert(INCIDENT, number)) for number in range(3)]
    asyncio.run(produce(bootstrap, topic, *records, ("x", b"no alert")))
    other = environment | {"DISTILLWATCH_HTTP_PORT": str(free_port())}
    with (
        start_worker(environment, tmp_path) as one,
        start_worker(other, tmp_path) as two,
    ):
        for worker in (one, two):
            worker.until_ready()
            worker.until(
                partial(shows_incident, worker),
                what="incident on the page",
            )
            _, shown = request_page(worker, f"incidents/{INCIDENT}")
            assert [point["requests"] for point in shown["points"]] == [0, 1, 2]
            assert request_page(worker, "overview", token="not-this-token")[0] == 401  # noqa: S106
        verdict = {"alert_id": INCIDENT, "verdict": "benign", "author": "Ada"}
        assert request_page(one, "verdicts", verdict)[0] == 200
        assert judged(one) == "benign"
        two.until(lambda: judged(two) == "benign", what="verdict on the other worker")
        assert request_page(two, "verdicts", verdict | {"verdict": "withdrawn"})[0] == 200
        one.until(lambda: not judged(one), what="end of the verdict on the first worker")


def test_there_is_no_page_without_a_token(bootstrap: str, broker: str, tmp_path: Path) -> None:
    environment = command.settings(bootstrap, kafka_transactions=str(broker == "kafka").lower())
    assert command.run(environment, "topics", "create").returncode == 0
    with start_worker(environment, tmp_path) as worker:
        worker.until_ready()
        assert worker.page("page/")[0] == worker.page("page/api/overview")[0] == 404
    done = command.run(environment | {"DISTILLWATCH_PAGE_TOKEN": "short"}, "worker")
    assert done.returncode == 2
    assert "page.token: expected 16 characters or more" in done.stderr
