"""A worker as its users run it: the real command on a broker, watched only from outside."""

from __future__ import annotations

import asyncio
import base64
import gzip
import subprocess
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aiohttp import web
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from standardwebhooks import Webhook

from stream.tools.simulate.population import Crowd, PlantedCampaigns
from stream.tools.simulate.scenario import Scenario
from testlib.metrics import samples, total
from testlib.workers.command import environment, worker_environment
from testlib.workers.worker import Worker, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

PARTITIONS = 4
SECRET = "whsec_" + base64.b64encode(b"the webhook's own secret").decode()
SCENARIO = Scenario(
    id="worker",
    crowd=Crowd(
        people=60,
        tool_users=20,
        staff=15,
        services=6,
        batches=1,
        evaluations=1,
        pipelines=1,
        migrations=1,
        tutoring=1,
    ),
    planted=PlantedCampaigns(pool=30, after_s=3 * 3600.0),
    span_s=5 * 3600.0,
)
EVENT = b'{"timestamp":1772410000,"account_id":"a","model":"m",'
#: Bytes that are no event, and the reason that the dead-letter topic has to give.
GARBAGE = [
    (b"not json at all", "not_json"),
    (EVENT[:30], "not_json"),
    (b'{"timestamp":NaN,"account_id":"a","model":"m"}', "wrong_type"),
    (b'{"timestamp":-1,"account_id":"a","model":"m"}', "bad_timestamp"),
    (b'"a string"', "not_an_object"),
    (b"\x00\xff\xfe", "not_json"),
    (b'{"timestamp":1772410000,"model":"m"}', "unknown_format"),
]


@dataclass
class Run:
    """All that was seen of one worker from its start to its end."""

    sent: dict[tuple[int, int], bytes] = field(default_factory=dict)  # dead letters to come
    alerts: list[dict[str, Any]] = field(default_factory=list)
    replayed: list[dict[str, Any]] = field(default_factory=list)
    posted: list[dict[str, Any]] = field(default_factory=list)
    unsigned: int = 0
    dead: list[Any] = field(default_factory=list)
    metrics: str = ""
    pages: dict[str, int] = field(default_factory=dict)
    exit_code: int | None = None
    log: str = ""

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a metric with these labels."""
        return total(self.metrics, name, **labels)


@pytest.fixture(scope="module")
def events() -> list[bytes]:
    return list(SCENARIO.lines())


@pytest.fixture(scope="module")
def accounts() -> list[str]:
    return [account.account_id for account in SCENARIO.accounts]


@pytest.fixture(scope="module")
def lines(events) -> list[bytes]:
    """Events with garbage in between and, over an hour after the last, one event a partition.

    The last window is open when the worker stops; a replay closes it. So it has to end where
    nothing is due: neither a check for silent accounts nor a scoring of clusters.
    """
    found = list(events)
    for number in range(70):
        found.insert(50 * number + 7, GARBAGE[number % len(GARBAGE)][0])
    last = msgspec.json.decode(events[-1])["timestamp"]
    found += [
        msgspec.json.encode({"timestamp": last + 3780, "account_id": f"late-{i}", "model": "m"})
        for i in range(PARTITIONS)
    ]
    return found


@pytest.fixture(scope="module")
def run(lines, bootstrap, broker, tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("worker")
    result = Run(replayed=replay(lines, folder))
    secret = folder / "secret"
    secret.write_text(SECRET + "\n")
    own = {
        "kafka_commit_interval_s": 0.5,
        "webhook_secret_file": secret,
        "windows_idle_timeout_s": 1,
    }
    environment = worker_environment(bootstrap, **own) | {
        "DISTILLWATCH_KAFKA_TRANSACTIONS": "true" if broker == "kafka" else "false"
    }
    asyncio.run(observe(result, lines, environment, folder))
    return result


def replay(lines: list[bytes], folder: Path) -> list[dict[str, Any]]:
    source, out = folder / "requests.jsonl.gz", folder / "alerts.jsonl"
    source.write_bytes(gzip.compress(b"\n".join(lines), 1))
    command = [sys.executable, "-m", "stream.cli.main", "replay", str(source), "--alerts", str(out)]
    subprocess.run(command, env=environment(), check=True, capture_output=True, timeout=120)
    return [msgspec.json.decode(line) for line in out.read_bytes().splitlines()]


async def observe(
    result: Run, lines: list[bytes], environment: dict[str, str], folder: Path
) -> None:
    bootstrap = environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"]
    async with receiver(result) as url:
        environment = environment | {"DISTILLWATCH_WEBHOOK_URL": url}
        create = [sys.executable, "-m", "stream.cli.main", "topics", "create"]
        made = await asyncio.to_thread(
            subprocess.run, create, env=environment, check=True, capture_output=True, timeout=60
        )
        # On a shared broker other tests may have made some before.
        assert sum(line.startswith(b"ok ") for line in made.stdout.splitlines()) == 19
        await produce(result, lines, bootstrap)
        with running(environment, folder / "worker.log") as worker:
            try:
                await watch(result, worker, environment, len(lines))
                result.exit_code = await asyncio.to_thread(worker.stop, 45)
            finally:
                result.log = worker.log


async def watch(
    result: Run,
    worker: Worker,
    environment: dict[str, str],
    records: int,
) -> None:
    async with AIOKafkaConsumer(
        "distillwatch.alerts",
        "distillwatch.deadletter",
        bootstrap_servers=environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"],
        auto_offset_reset="earliest",
    ) as consumer:
        deadline = time.monotonic() + 120
        while not finished(result, records):
            worker.check()
            assert time.monotonic() < deadline, f"not finished: {summary(result)}"
            for found in (await consumer.getmany(timeout_ms=200)).values():
                for record in found:
                    if record.topic == "distillwatch.alerts":
                        result.alerts.append(msgspec.json.decode(record.value or b""))
                    else:
                        result.dead.append(record)
            result.metrics = (await asyncio.to_thread(worker.page, "metrics"))[1]
    for page in ("livez", "readyz"):
        result.pages[page] = (await asyncio.to_thread(worker.page, page))[0]


def finished(result: Run, records: int) -> bool:
    """Say whether all was read, dead letters arrived, and no alert is missing anywhere."""
    return (
        result.total("distillwatch_events_total") >= records
        and len(result.dead) >= len(result.sent)
        and state(result.alerts) == state(result.replayed)
        and len(as_sent(result.alerts)) >= len(result.replayed)
        and len(result.posted) >= len(told(result.alerts))
        and result.total("distillwatch_sink_deliveries_total", sink="webhook")
        >= len(told(result.alerts))
        and bool(samples(result.metrics, "distillwatch_consumer_lag_records"))
        and result.total("distillwatch_consumer_lag_records", topic="gateway.requests") == 0
    )


def summary(result: Run) -> str:
    """Tell how far it came, for whoever has to find out why a run does not end."""
    return (
        f"{result.total('distillwatch_events_total')} events, {len(result.dead)} dead letters, "
        f"{len(result.posted)} posts, alerts {state(result.alerts)} instead of "
        f"{state(result.replayed)}"
    )


def told(alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the alerts that receivers get."""
    return [alert for alert in alerts if not alert.get("refresh")]


def as_sent(alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what replay writes: what receivers get, then the newest states since."""
    newest = {alert["alert_id"]: alert for alert in alerts}
    return [*told(alerts), *(a for a in alerts if a.get("refresh") and newest[a["alert_id"]] is a)]


def state(alerts: list[dict[str, Any]]) -> dict[tuple[str, str], list[str]]:
    """Return (alert, status) -> its accounts as last told."""
    return {
        (alert["alert_id"], alert["status"]): sorted(
            alert.get("account_ids") or [alert.get("account_id")]
        )
        for alert in alerts
    }


@asynccontextmanager
async def receiver(result: Run) -> AsyncIterator[str]:
    """Serve the webhook's address on loopback; only what is signed counts."""
    signer = Webhook(SECRET)

    async def post(request: web.Request) -> web.Response:
        body = await request.text()
        try:
            signer.verify(body, dict(request.headers))
        except Exception:  # noqa: BLE001 - whatever it is, it is not signed
            result.unsigned += 1
            return web.Response(status=401)
        result.posted.append(msgspec.json.decode(body))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hook", post)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    finally:
        await runner.cleanup()


async def produce(result: Run, lines: list[bytes], bootstrap: str) -> None:
    """Deal the lines to the partitions, in time order within each."""
    garbage = {value for value, _ in GARBAGE}
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20) as producer:
        futures = [
            (line, await producer.send("gateway.requests", line, partition=i % PARTITIONS))
            for i, line in enumerate(lines)
        ]
        for line, future in futures:
            where = await future
            if line in garbage:
                result.sent[where.partition, where.offset] = line


def test_the_campaign_is_told_on_the_alerts_topic(run: Run) -> None:
    pool = {row.account_id for row in SCENARIO.labels() if row.campaign_id == "pool-1"}
    newest = {alert["alert_id"]: alert for alert in run.alerts if alert["kind"] == "campaign"}
    assert len(newest) == 1
    members = set(next(iter(newest.values()))["account_ids"])
    assert members <= pool
    assert len(members) > 0.8 * len(pool)


def test_replay_of_the_same_events_gives_the_same_alerts(run: Run) -> None:
    assert state(run.alerts) == state(run.replayed)
    # Not only where it ends, every word on the way.
    assert as_sent(run.alerts) == run.replayed


def test_no_row_was_late_or_repeated(run: Run) -> None:
    assert run.total("distillwatch_late_rows_total") == 0
    assert run.total("distillwatch_replayed_rows_total") == 0
    assert run.total("distillwatch_early_firings_total") == 0


def test_the_webhook_gets_every_alert_signed_and_in_order(run: Run) -> None:
    assert run.unsigned == 0
    posted, sent = (
        sorted(((a["alert_id"], a["updated_at"]) for a in alerts), key=lambda pair: pair[0])
        for alerts in ([post["data"] for post in run.posted], told(run.alerts))
    )
    assert posted == sent  # the sort is stable: each incident's news are in order
    assert {post["type"] for post in run.posted} == {
        f"alert.{alert['status']}" for alert in run.alerts
    }


def test_dead_letters_have_the_bytes_and_say_whence_and_why(run: Run) -> None:
    reasons = dict(GARBAGE)
    found = {}
    for record in run.dead:
        headers = {name: value.decode() for name, value in record.headers}
        where = int(headers["source_partition"]), int(headers["source_offset"])
        found[where] = record.value
        assert headers["source_topic"] == "gateway.requests"
        assert headers["reason"] == reasons[record.value]
    assert found == run.sent
    assert len(run.dead) == len(run.sent)


def test_the_metrics_count_what_was_sent(run: Run, events, lines) -> None:
    counted = run.total
    rejected = len(run.sent)
    assert counted("distillwatch_events_total", result="rejected") == rejected
    assert counted("distillwatch_events_total", result="accepted", format="canonical") == (
        len(lines) - rejected
    )
    reasons = Counter(dict(GARBAGE)[value] for value in run.sent.values())
    for reason, count in reasons.items():
        assert counted("distillwatch_dead_letters_total", reason=reason) == count
    assert counted("distillwatch_dead_letters_total") == rejected
    assert counted("distillwatch_sink_deliveries_total", sink="webhook", result="delivered") == len(
        told(run.alerts)
    )
    assert counted("distillwatch_alerts_total", kind="campaign") >= 1
    seen = {msgspec.json.decode(event)["account_id"] for event in events}
    # The step of the last events may still be open.
    assert len(seen) <= counted("distillwatch_accounts_tracked") <= len(seen) + PARTITIONS


def test_no_account_is_named_in_the_metrics(run: Run, accounts) -> None:
    assert [name for name in accounts if name in run.metrics] == []


def test_neither_secret_nor_text_is_in_the_log(run: Run, events) -> None:
    assert SECRET not in run.log
    texts = {msgspec.json.decode(event).get("prompt") for event in events[:200]} - {None}
    assert [text for text in texts if text in run.log] == []


def test_the_probes_answer(run: Run) -> None:
    assert run.pages == {"livez": 200, "readyz": 200}


def test_it_ends_cleanly_when_told_to(run: Run) -> None:
    assert run.exit_code == 0, run.log
    assert "Traceback" not in run.log
