"""Alerts on two real Alertmanagers: told while open, told of the end, told again after a loss."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import subprocess
import uuid
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream.core.alerts import Alert
from stream.core.findings import Observed
from stream.core.secret import Secret
from stream.delivery.alertmanager import Alertmanager
from stream.delivery.open_alerts import labels_of
from stream.delivery.settings import AlertmanagerSettings
from stream.metrics import Metrics
from stream.tools.embedded.broker import EmbeddedBroker
from testlib.paths import DEPLOY
from testlib.ports import free_port
from testlib.until import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.deploy, pytest.mark.integration]

CONFIG = """
route:
  receiver: people
  group_by: [alert_id, severity]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: people
    webhook_configs:
      - url: %s
        send_resolved: true
"""


def state(name: str, status: str = "firing", severity: str = "warning", **more: Any) -> bytes:
    values: dict[str, Any] = {
        "alert_id": name,
        "kind": "account",
        "status": status,
        "severity": severity,
        "score": 0.91,
        "account_id": f"account of {name}",
        "started_at": "2026-01-02T03:04:00Z",
        "detected_at": "2026-01-02T03:10:00Z",
        "updated_at": "2026-01-02T03:10:00Z",
        "summary": "One account",
        "evidence": [],
        "observed": Observed(requests=3),
        "techniques": ["AML.T0040"],
        "runbook_url": "https://example.org/runbook#account",
        "model_version": "1",
    }
    return msgspec.json.encode(Alert(**(values | more)))


class Replica:
    """One Alertmanager; ``begin`` after ``end`` has forgotten everything."""

    def __init__(self, program: str, folder: Path, people: str) -> None:
        self._program, self._folder = program, folder
        self.url = f"http://127.0.0.1:{free_port()}"
        folder.mkdir()
        (folder / "config.yml").write_text(CONFIG % people)
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._program,
                    f"--config.file={self._folder / 'config.yml'}",
                    f"--storage.path={self._folder / uuid.uuid4().hex}",
                    f"--web.listen-address={self.url.removeprefix('http://')}",
                    "--cluster.listen-address=",
                ],
                stderr=log,
            )

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def active(self) -> set[tuple[str, str]]:
        """Return the incidents and severities that it takes for open."""
        async with aiohttp.ClientSession() as session:
            try:
                async with session.get(f"{self.url}/api/v2/alerts") as answer:
                    found = await answer.json()
            except aiohttp.ClientError:
                return {("none", "unreachable")}
        return {(one["labels"]["alert_id"], one["labels"]["severity"]) for one in found}


class Topic:
    def __init__(self, producer: AIOKafkaProducer, bootstrap: str, name: str) -> None:
        self._producer, self._bootstrap, self.name = producer, bootstrap, name

    async def write(self, *states: bytes) -> None:
        for value in states:
            key = json.loads(value)["alert_id"].encode()
            await self._producer.send_and_wait(self.name, value, key=key)

    @contextlib.asynccontextmanager
    async def told(self, *replicas: Replica, **settings: Any) -> AsyncIterator[Metrics]:
        """Run a worker's reader, which says everything again every two seconds."""
        metrics = Metrics()
        urls = Secret(" ".join(replica.url for replica in replicas))
        reader = Alertmanager(
            AlertmanagerSettings(urls=urls, resend_s=2.0, **settings),
            topic=self.name,
            app=self.name,
            connection={
                "bootstrap_servers": self._bootstrap,
                "session_timeout_ms": 2000,
                "heartbeat_interval_ms": 300,
            },
            metrics=metrics,
        )
        await reader.start()
        try:
            yield metrics
        finally:
            await reader.stop()


@pytest.fixture(scope="module")
def bootstrap() -> Iterator[str]:
    with EmbeddedBroker() as broker:
        yield broker.bootstrap


@pytest.fixture
async def topic(bootstrap: str) -> AsyncIterator[Topic]:
    name = f"alerts-{uuid.uuid4().hex[:8]}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 2, 1)])
    await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        yield Topic(producer, bootstrap, name)


@pytest.fixture
async def people() -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """Listen as whoever Alertmanager notifies."""
    got: list[dict[str, Any]] = []

    async def handle(request: web.Request) -> web.Response:
        got.extend((await request.json())["alerts"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/", got
    await runner.cleanup()


@pytest.fixture
def replicas(
    tool: Callable[[str], str], tmp_path: Path, people: tuple[str, list[dict[str, Any]]]
) -> Iterator[tuple[Replica, Replica]]:
    program = tool("prometheus-alertmanager")
    pair = Replica(program, tmp_path / "a", people[0]), Replica(program, tmp_path / "b", people[0])
    for replica in pair:
        replica.begin()
    yield pair
    for replica in pair:
        replica.end()


async def until_active(expected: set[tuple[str, str]], *replicas: Replica) -> None:
    async def holds() -> bool:
        return all([await replica.active() == expected for replica in replicas])

    await until_async(holds, what=str(expected))


async def test_every_replica_knows_what_is_open_until_it_ends(
    topic: Topic,
    replicas: tuple[Replica, Replica],
    people: tuple[str, list[dict[str, Any]]],
    tool: Callable[[str], str],
) -> None:
    first, second = replicas
    got = people[1]
    await topic.write(state("old"), state("old", "resolved"), state("new"))
    async with topic.told(first, second) as metrics:
        await until_active({("new", "warning")}, first, second)
        await topic.write(state("new", score=0.95, observed=Observed(requests=9)))
        await asyncio.sleep(9)  # past what a post holds for
        await until_active({("new", "warning")}, first, second)
        asked = [tool("amtool"), "alert", "query", "-o", "json", "alert_id=new"]
        shown = json.loads(
            subprocess.check_output([*asked, f"--alertmanager.url={first.url}"])  # noqa: ASYNC221
        )
        assert [one["annotations"]["score"] for one in shown] == ["0.95"]
        assert shown[0]["labels"]["account_id"] == "account of new"

        second.end()
        second.begin()
        await until_active({("new", "warning")}, first, second)

        await topic.write(state("new", severity="critical"))
        await until_active({("new", "critical")}, first, second)
    async with topic.told(first, second):  # another worker
        await until_active({("new", "critical")}, first, second)
        await topic.write(state("new", "resolved", "critical", summary="It is over"))
        await until_active(set(), first, second)
        await until_async(lambda: ends(got) == {("new", "warning"), ("new", "critical")})
    over = [one for one in got if one["status"] == "resolved" and is_of(one, "new", "critical")]
    assert over[0]["annotations"]["description"] == "It is over"
    assert not [one for one in got if is_of(one, "old", "warning")]
    delivered = {"sink": "alertmanager", "result": "delivered"}
    count = metrics.registry.get_sample_value
    assert (count("distillwatch_sink_deliveries_total", delivered) or 0) >= 2


async def test_one_replica_that_is_down_hides_nothing_from_the_other(
    topic: Topic, replicas: tuple[Replica, Replica]
) -> None:
    first, second = replicas
    second.end()
    await topic.write(state("one"), state("minor", severity="info"))
    async with topic.told(first, second, minimum_severity="warning"):
        await until_active({("one", "warning")}, first)
        second.begin()
        await until_active({("one", "warning")}, first, second)
    await until_active(set(), first, second)  # no worker any more


def ends(got: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {
        (one["labels"]["alert_id"], one["labels"]["severity"])
        for one in got
        if one["status"] == "resolved"
    }


def is_of(one: dict[str, Any], name: str, severity: str) -> bool:
    return (one["labels"]["alert_id"], one["labels"]["severity"]) == (name, severity)


async def test_composes_alertmanager_tells_of_each_incident_once(
    tool: Callable[[str], str], tmp_path: Path
) -> None:
    """None hides another, and the rule that counts them is silent while they tell of themselves."""
    replica = Replica(tool("prometheus-alertmanager"), tmp_path / "a", "")
    shutil.copy(DEPLOY / "alertmanager" / "alertmanager.yml", tmp_path / "a" / "config.yml")
    told = [
        labels_of(msgspec.json.decode(state(name, severity=severity), type=Alert))
        for name, severity in (("grave", "critical"), ("other", "warning"))
    ]
    rule = {"alertname": told[0]["alertname"], "job": "distillwatch"}
    counted = [rule | {"severity": severity} for severity in ("critical", "warning", "info")]
    expected = sorted((["abuse-team", labels] for labels in told), key=str)
    replica.begin()
    try:
        await until_active(set(), replica)
        async with aiohttp.ClientSession(replica.url) as session:
            body = [{"labels": labels} for labels in told + counted]
            async with session.post("/api/v2/alerts", json=body) as answer:
                assert answer.status == 200

            async def holds() -> bool:
                return await groups(session) == expected

            await until_async(holds, what=str(expected))
    finally:
        replica.end()


async def groups(session: aiohttp.ClientSession) -> list[list[Any]]:
    """Return who is to be told of what together, in one order."""
    shown = {"inhibited": "false", "silenced": "false"}
    async with session.get("/api/v2/alerts/groups", params=shown) as answer:
        found = await answer.json()
    return sorted(
        (
            [group["receiver"]["name"], *(one["labels"] for one in group["alerts"])]
            for group in found
        ),
        key=str,
    )
