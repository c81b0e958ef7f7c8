"""People decide on the pages of two workers, one of several processes, and by command, at once."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from stream.tools.embedded.broker import EmbeddedBroker
from testlib.alerts import produce
from testlib.decisions import ALERT_ID, KEY, campaign_alert
from testlib.ports import free_port
from testlib.workers import command
from testlib.workers.worker import Worker
from testlib.workers.worker import worker as start_worker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

TOKEN = "correct-horse-battery"  # noqa: S105 - of this test


def page(worker: Worker, path: str = "", body: object = None) -> tuple[int, Any]:
    """Return status and JSON of an answer about decisions."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{worker.environment['DISTILLWATCH_HTTP_PORT']}/page/api/decisions{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def shown(worker: Worker, where: str) -> list[dict[str, Any]]:
    """Return decisions of the list ``where``; none while they are not read."""
    status, found = page(worker)
    return [row["decision"] for row in found[where]["shown"]] if status == 200 else []


def test_decisions_of_all_workers_and_commands_are_one(
    bootstrap: str, broker: str, tmp_path: Path
) -> None:
    environment = command.settings(
        bootstrap,
        page_token=TOKEN,
        decisions_key=KEY,
        decisions_mode="propose",
        decisions_two_people_above=2,
        kafka_transactions=str(broker == "kafka").lower(),
    )
    assert command.run(environment, "topics", "create").returncode == 0
    topic = environment["DISTILLWATCH_TOPICS_ALERTS"]
    alert = msgspec.json.encode(campaign_alert(certain=5))
    asyncio.run(produce(bootstrap, topic, (ALERT_ID, alert)))
    several = environment | {
        "DISTILLWATCH_HTTP_PORT": str(free_port()),
        "DISTILLWATCH_WORKER_PROCESSES": "2",
    }
    with start_worker(environment, tmp_path) as one, start_worker(several, tmp_path) as two:
        for worker in (one, two):
            worker.until_ready()
            worker.until(partial(shown, worker, "waiting"), what="proposal on the page")
        (proposal,) = shown(one, "waiting")
        assert (proposal["action"], proposal["people_needed"]) == ("suspend", 2)
        form = {"decision_id": proposal["decision_id"], "sequence": 1, "author": "ana"}
        assert page(one, "/approve", form) == (200, {"state": "proposed", "sequence": 2})
        two.until(lambda: shown(two, "waiting")[0]["sequence"] == 2, what="first approval")
        status, answer = page(two, "/approve", form | {"author": "bo"})
        assert status == 409
        assert answer["error"].endswith("has changed: it is proposed by ana now")
        form["sequence"] = 2
        assert page(two, "/approve", form)[0] == 409  # ana once more
        assert page(two, "/approve", form | {"author": "bo"})[0] == 200
        one.until(lambda: shown(one, "in_force"), what="decision in force")
        undone = ("undo", proposal["decision_id"], "--author", "cy", "--reason", "a class")
        assert command.run(environment, *undone).returncode == 0
        two.until(lambda: not shown(two, "in_force"), what="end of the decision")
        form |= {"sequence": 3, "reason": "too late"}
        status, answer = page(two, "/undo", form)
        assert status == 409
        assert answer["error"].endswith("is undone already")
        assert page(two, "/undone")[1]["total"] == 1
        assert page(two, f"/about/{ALERT_ID}")[1]["shown"][0]["decision"]["note"] == "a class"


def test_without_brokers_the_page_shows_what_it_knows_and_decides_nothing(tmp_path: Path) -> None:
    with EmbeddedBroker() as broker:
        environment = command.settings(
            broker.bootstrap, page_token=TOKEN, decisions_key=KEY, kafka_transactions="false"
        )
        assert command.run(environment, "topics", "create").returncode == 0
        topic = environment["DISTILLWATCH_TOPICS_ALERTS"]
        alert = msgspec.json.encode(campaign_alert(certain=5))
        asyncio.run(produce(broker.bootstrap, topic, (ALERT_ID, alert)))
        with start_worker(environment, tmp_path) as worker:
            worker.until_ready()
            worker.until(partial(shown, worker, "waiting"), what="proposal on the page")
            (proposal,) = shown(worker, "waiting")
            broker.stop()
            form = {"decision_id": proposal["decision_id"], "sequence": 1, "author": "ana"}
            status, answer = page(worker, "/approve", form)
            assert (status, answer["error"]) == (
                503, "the brokers have not confirmed it: look before trying again",
            )  # fmt: skip
            worker.until(lambda: page(worker)[1]["stale_since_s"], what="age of what is shown")
            assert shown(worker, "waiting") == [proposal]
