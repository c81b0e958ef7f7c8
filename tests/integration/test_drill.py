"""Drills on a real worker, receivers and enforcer: what is told, who is called, what is broken."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer
from kafka import KafkaProducer

from testlib.alerts import SECRET
from testlib.brokers.one_broker import ON_KAFKA
from testlib.decisions import KEY
from testlib.metrics import total
from testlib.ports import free_port
from testlib.workers.command import DISTILLWATCH, run, settings
from testlib.workers.worker import running, worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from testlib.workers.worker import Worker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), ON_KAFKA]

PARTITIONS = 2
ACCOUNTS = 12
TOKEN = "t" * 16
DRILL = ("drill", "--json", "--accounts", str(ACCOUNTS))


@dataclass
class Receivers:
    """Three receivers at one address, told apart by path; ``away`` answer 503."""

    got: dict[str, list[Any]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)

    @contextmanager
    def listening(self) -> Iterator[str]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                name = self.path.split("/")[1]
                if name not in outer.away:
                    outer.got.setdefault(name, []).append(body)
                self.send_response(503 if name in outer.away else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{server.server_address[1]}"
            server.shutdown()

    def drills(self, name: str) -> list[dict[str, Any]]:
        """Return the alerts of drills that a webhook was given."""
        return [body["data"] for body in self.got.get(name, []) if body["data"].get("drill")]


@contextmanager
def traffic(bootstrap: str, topic: str) -> Iterator[None]:
    """Write a few requests a second to every partition, as a gateway does."""
    over = threading.Event()

    def write() -> None:
        producer = KafkaProducer(bootstrap_servers=bootstrap)
        while not over.wait(0.2):
            for partition in range(PARTITIONS):
                event = {"timestamp": time.time(), "account_id": f"a{partition}", "model": "m"}
                producer.send(topic, json.dumps(event).encode(), partition=partition)
            producer.flush()
        producer.close()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@dataclass(frozen=True)
class Outcome:
    code: int
    report: dict[str, Any]
    said: str


@dataclass
class Seen:
    """What each drill said, and what was left behind."""

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    receivers: Receivers = field(default_factory=Receivers)
    delivered: list[dict[str, Any]] = field(default_factory=list)  # by the webhook, of the first
    metrics: str = ""
    interrupted: int = 0  # exit code
    decisions: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)

    def drill(self, name: str, environment: dict[str, str], *more: str, timeout_s: float) -> None:
        done = run(environment, *DRILL, *more, "--timeout", str(timeout_s))
        report = json.loads(done.stdout) if done.stdout else {}
        self.outcomes[name] = Outcome(done.returncode, report, done.stderr)


def environment(bootstrap: str, url: str) -> dict[str, str]:
    return settings(
        bootstrap,
        topics_requests_partitions=PARTITIONS,
        intake_salt="the salt of this site",
        windows_window_s=1,
        windows_allowed_lateness_s=1,
        campaigns_score_every_s=1,
        webhook_url=f"{url}/webhook",
        webhook_secret=SECRET,
        webhook_drills="deliver",
        webhook_minimum_severity="critical",
        ocsf_url=f"{url}/ocsf",
        alertmanager_urls=url,
        decisions_key=KEY,
        decisions_mode="propose",
        enforcer_port=free_port(),
        enforcer_tokens=TOKEN,
    )


@pytest.fixture(scope="module")
def seen(bootstrap: str, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    found, folder = Seen(), tmp_path_factory.mktemp("drill")
    with found.receivers.listening() as url:
        own = environment(bootstrap, url)
        topic = own["DISTILLWATCH_TOPICS_REQUESTS"]
        assert run(own, "topics", "create").returncode == 0
        with traffic(bootstrap, topic), worker(own, folder) as process:
            process.until_ready()
            process.until(
                lambda: process.total("distillwatch_windows_closed_total") > 8, what="step"
            )
            watched(found, own, process)
            responded(found, own, folder)
        found.drill("no worker", own, timeout_s=4)
    return found


def watched(found: Seen, own: dict[str, str], process: Worker) -> None:
    found.drill("all well", own, timeout_s=60)
    found.delivered = found.receivers.drills("webhook")
    found.drill("other salt", own | {"DISTILLWATCH_INTAKE_SALT": "another"}, timeout_s=60)
    found.receivers.away.add("webhook")
    found.drill("receiver away", own, timeout_s=30)

    def counted() -> bool:
        """Alerts may be written between two looks."""
        found.metrics = process.page("metrics")[1]
        found.alerts = asyncio.run(on_topic(own))
        return total(found.metrics, "distillwatch_drill_alerts_total") == len(found.alerts)

    process.until(counted, what="every alert in the metrics")


def responded(found: Seen, own: dict[str, str], folder: Path) -> None:
    found.receivers.away.clear()
    page = {"DISTILLWATCH_HTTP_PORT": str(free_port())}
    with worker(own | page, folder, command="enforcer") as enforcer:
        enforcer.until_ready()
        found.drill("response", own, "--respond", timeout_s=60)
        refuses = own | {"DISTILLWATCH_ENFORCER_TOKENS": "u" * 16}
        found.drill("other token", refuses, "--respond", timeout_s=40)
    found.drill("no enforcer", own, "--respond", timeout_s=40)
    command = (*DISTILLWATCH, *DRILL, "--respond")
    with running(own, folder / "interrupted.log", *command) as drill:
        drill.until(
            lambda: any(one["state"] == "approved" for one in decisions(own)),
            what="approved decision",
        )
        found.interrupted = drill.stop()
    found.decisions = decisions(own)


def decisions(own: dict[str, str]) -> list[dict[str, Any]]:
    done = run(own, "decisions", "--all", "--json")
    return [json.loads(line) for line in done.stdout.splitlines()]


async def on_topic(own: dict[str, str]) -> list[dict[str, Any]]:
    async with AIOKafkaConsumer(
        own["DISTILLWATCH_TOPICS_ALERTS"],
        bootstrap_servers=own["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"],
        auto_offset_reset="earliest",
    ) as consumer:
        found = await consumer.getmany(timeout_ms=5000)
    return [json.loads(record.value or b"") for records in found.values() for record in records]


def links(outcome: Outcome) -> dict[str, str]:
    return {link["name"].split()[0]: link["result"] for link in outcome.report["links"]}


def results(outcome: Outcome) -> dict[str, str]:
    return {sink["name"]: sink["result"] for sink in outcome.report["sinks"]}


def test_the_alert_comes_with_all_accounts_and_every_receiver_has_handled_it(seen: Seen) -> None:
    outcome = seen.outcomes["all well"]
    report = outcome.report
    assert outcome.code == 0, (report, outcome.said)
    assert report["ok"]
    assert (report["accounts"], report["members"]) == (ACCOUNTS, ACCOUNTS)
    assert report["requests"] % ACCOUNTS == 0
    assert report["dead_letters"] == {}
    assert report["read"] == report["requests"]
    assert 0 < report["alert_after_s"] < 60
    assert results(outcome) == {
        "log": "delivered",
        "webhook": "delivered",
        "ocsf": "skipped",
        "alertmanager": "skipped",
    }


def test_who_is_to_hear_of_drills_hears_of_them_and_nobody_else(seen: Seen) -> None:
    first = seen.delivered[0]
    assert first["drill"] is True
    assert first["severity"] == "info"
    assert first["alert_id"] == seen.outcomes["all well"].report["alert_id"]
    assert len(first["account_ids"]) == ACCOUNTS
    assert "ocsf" not in seen.receivers.got
    assert not any(map(len, seen.receivers.got.get("api", [])))


def test_another_salt_is_told_as_such_and_gives_no_alert(seen: Seen) -> None:
    outcome = seen.outcomes["other salt"]
    assert outcome.code == 1
    assert set(outcome.report["dead_letters"]) == {"bad_signature"}
    assert outcome.report["alert_id"] is None
    assert "intake.salt" in outcome.said
    assert len(outcome.said.splitlines()) == 1


def test_a_receiver_that_is_away_is_named(seen: Seen) -> None:
    outcome = seen.outcomes["receiver away"]
    assert outcome.code == 1
    assert results(outcome) == {
        "log": "delivered",
        "webhook": "waiting",
        "ocsf": "skipped",
        "alertmanager": "skipped",
    }, outcome
    assert outcome.said.startswith("distillwatch: webhook has not handled")


def test_no_worker_is_told_as_such(seen: Seen) -> None:
    outcome = seen.outcomes["no worker"]
    assert outcome.code == 1
    assert outcome.report["read"] == 0
    assert "no worker has read" in outcome.said


def test_the_response_reaches_the_enforcer_and_is_undone_and_each_link_has_its_time(
    seen: Seen,
) -> None:
    outcome = seen.outcomes["response"]
    assert outcome.code == 0, (outcome.report, outcome.said)
    proposal = links(outcome).pop("proposal")
    assert proposal.startswith(f"throttle, {ACCOUNTS} accounts, dec_")
    assert links(outcome) == {
        "proposal": proposal,
        "approval": "by drill",
        "enforcer": "has it, carries nothing out",
        "undo": "undone everywhere",
    }
    seconds = [link["after_s"] for link in outcome.report["links"]]
    print(f"seconds from link to link: {seconds}")
    assert all(0 <= one < 10 for one in seconds)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("no enforcer", "start `distillwatch enforcer`, or name where it listens with --enforcer"),
        ("other token", "refuses the token: it has other enforcer.tokens"),
    ],
)
def test_an_enforcer_that_does_not_answer_is_one_line_with_what_to_do(
    seen: Seen, name: str, hint: str
) -> None:
    outcome = seen.outcomes[name]
    assert outcome.code == 1
    assert links(outcome)["approval"] == "by drill"
    assert links(outcome)["enforcer"] == "broken"
    assert hint in outcome.said
    assert len(outcome.said.splitlines()) == 1


def test_no_decision_of_a_drill_outlasts_it_or_touches_a_real_account(seen: Seen) -> None:
    assert seen.interrupted == 143
    responses = [seen.outcomes[name].report["drill_id"] for name in ("response", "no enforcer")]
    ended = [one for one in seen.decisions if one["state"] == "undone"]
    for drill_id in responses:
        assert [one for one in ended if one["accounts"][0] == f"drill-{drill_id}-000"]
    # Four were undone by the drill; the drills without a response leave what expires soon.
    by_drill = [one for one in ended if one["actor"]["name"] == "drill"]
    assert len({one["accounts"][0] for one in by_drill}) == 4
    assert {one["state"] for one in seen.decisions} == {"undone", "proposed"}
    for one in seen.decisions:
        assert one["drill"]
        assert one["simulated"]
        assert one["until"] - one["proposed_at"] <= 1000
        assert all(account.startswith("drill-") for account in one["accounts"])


def test_all_that_is_left_says_that_it_was_a_drill(seen: Seen) -> None:
    assert {alert["drill"] for alert in seen.alerts} == {True}
    assert total(seen.metrics, "distillwatch_drill_alerts_total") == len(seen.alerts)
    for name in ("alerts_total", "incidents_open", "detection_delay_seconds_count"):
        assert total(seen.metrics, f"distillwatch_{name}") == 0, name
    assert total(seen.metrics, "distillwatch_accounts_tracked") == PARTITIONS
    assert (
        total(seen.metrics, "distillwatch_dead_letters_total", reason="bad_signature") == ACCOUNTS
    )
    assert total(seen.metrics, "distillwatch_invalid_share") == 0
