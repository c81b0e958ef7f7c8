"""The supervisor's address: the page through one process, metrics and probes of all of them."""

from __future__ import annotations

import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from stream.http.health import Health
from stream.http.page.form import MAX_BODY
from stream.http.page.worker_status import WorkerStatusSampler
from stream.http.pages import Pages
from stream.http.samples import with_samples
from stream.http.settings import HttpSettings
from stream.metrics import Metrics
from stream.telemetry.totals import Totals
from stream.worker.supervisor.front import Front
from stream.worker.supervisor.process_group import ProcessGroup
from stream.worker.supervisor.worker_process import WorkerProcess
from testlib.decisions import proposal
from testlib.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TOKEN = "correct-horse-battery"  # noqa: S105 - of this test
LOOPBACK = HttpSettings(host="127.0.0.1", port=0)
SILENT_S = 30.0


def process(number: int, port: int, started: float) -> WorkerProcess:
    stand_in: Any = None  # nothing here starts or ends one
    return WorkerProcess(
        number, stand_in, port, started=started, answered=started, has_answered=True
    )


@asynccontextmanager
async def other_process() -> AsyncIterator[tuple[int, Metrics, Health]]:
    """Serve the private pages of a process that has no page for people."""
    metrics, health = Metrics(), Health(stalled_after_s=60)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        more = with_samples(metrics.registry, None)
        pages = Pages(
            LOOPBACK, registry=metrics.registry, health=health, more=more, listening=listening
        )
        await pages.start()
        yield pages.port, metrics, health
        await pages.stop()


@dataclass
class Fronted:
    """A supervisor's address with the processes behind it."""

    client: aiohttp.ClientSession
    group: ProcessGroup
    totals: Totals


@pytest.fixture
async def fronted(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Fronted]:
    monkeypatch.setattr("stream.worker.supervisor.process_group.MAX_AGE_S", 0.0)
    monkeypatch.setattr("stream.http.pages.MAX_AGE_S", 0.0)
    registry = CollectorRegistry()
    async with aiohttp.ClientSession() as session:
        group = ProcessGroup(2, session, silent_after_s=SILENT_S)
        totals = Totals({}, group.snapshots)
        registry.register(totals)
        sampler = WorkerStatusSampler(registry, group)
        front = Front(group, session, sampler, page=True)
        pages = Pages(LOOPBACK, registry=registry, health=group, more=front.answer)
        await pages.start()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"http://127.0.0.1:{pages.port}"
        async with aiohttp.ClientSession(url, headers=headers) as client:
            yield Fronted(client, group, totals)
        await pages.stop()


async def test_a_verdict_gets_through_while_the_oldest_process_is_gone(
    fronted, served, incident_of
) -> None:
    served.history.apply(incident_of(), 1.0)
    fronted.group.running = {
        1: process(1, served.pages.port, started=2.0),
        2: process(2, free_port(), started=1.0),  # nothing listens there any more
    }
    form = {"alert_id": f"inc_{0:020x}", "verdict": "benign", "author": "Ada"}
    async with fronted.client.post("/page/api/verdicts", json=form) as response:
        assert response.status == 200
    assert [verdict.label for verdict in served.written] == ["benign"]
    served.takes = False
    async with fronted.client.post("/page/api/verdicts", json=form) as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")


async def test_a_decision_gets_through_while_the_oldest_process_is_gone(fronted, served) -> None:
    served.board.have(proposal())
    fronted.group.running = {
        1: process(1, served.pages.port, started=2.0),
        2: process(2, free_port(), started=1.0),
    }
    form = {"decision_id": proposal().key, "sequence": 1, "author": "ana"}
    async with fronted.client.post("/page/api/decisions/approve", json=form) as response:
        assert (response.status, await response.json()) == (
            200, {"state": "approved", "sequence": 2},
        )  # fmt: skip
    async with fronted.client.post("/page/api/decisions/approve", json=form) as response:
        assert response.status == 409
    async with fronted.client.get("/page/api/decisions") as response:
        assert (await response.json())["in_force"]["total"] == 1
    async with fronted.client.get("/page/api/overview") as response:
        assert (await response.json())["decisions"] == {"waiting": 0, "in_force": 1}


async def test_the_page_and_its_refusals_pass_as_they_are(fronted, served) -> None:
    fronted.group.running = {1: process(1, served.pages.port, started=1.0)}
    other = aiohttp.ClientSession(f"http://127.0.0.1:{served.pages.port}")
    async with other, fronted.client as client:
        for method, path in (
            ("GET", "/page/"), ("GET", "/page/app.js"), ("GET", "/page"), ("GET", "/page/nothing"),
            ("POST", "/page/app.js"), ("GET", "/page/api/incidents/inc_%2F"),
        ):  # fmt: skip
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Length": "0"}
            async with (
                client.request(method, path, headers=headers, allow_redirects=False) as seen,
                other.request(method, path, headers=headers, allow_redirects=False) as direct,
            ):
                assert (seen.status, await seen.read()) == (direct.status, await direct.read())
                for name in ("Content-Type", "Content-Security-Policy", "Location", "Allow"):
                    assert seen.headers.get(name) == direct.headers.get(name), (path, name)
        wrong = {"Authorization": "Bearer not-this-token-here"}
        async with client.get("/page/api/overview", headers=wrong) as response:
            assert response.status == 401
        async with client.post("/page/api/verdicts", data=b"x" * (MAX_BODY + 1)) as response:
            assert response.status == 413


async def test_the_overview_has_the_state_of_all_processes(fronted, served) -> None:
    served.metrics.events_total.labels("canonical", "accepted").inc(7)
    async with other_process() as (port, metrics, _):
        metrics.events_total.labels("canonical", "accepted").inc(5)
        fronted.group.running = {
            1: process(1, served.pages.port, started=1.0),
            2: process(2, port, started=2.0),
        }
        async with fronted.client.get("/page/api/overview") as response:
            worker = (await response.json())["worker"]
            version = response.headers["ETag"]
        # The stand-in of process 1 has a page and no /samples.
        assert (worker["events"], worker["ready_reason"]) == (5, "process 1: recovering state")
        same = {"If-None-Match": version}
        async with fronted.client.get("/page/api/overview", headers=same) as response:
            assert response.status == 304


async def test_without_a_process_the_page_is_unavailable(fronted) -> None:
    async with fronted.client.get("/page/") as response:
        assert (response.status, response.headers["Retry-After"]) == (503, "5")


async def test_probes_are_of_all_processes(fronted) -> None:
    async def probes() -> list[tuple[int, str]]:
        found = []
        for path in ("/readyz", "/livez"):
            async with fronted.client.get(path) as response:
                found.append((response.status, (await response.text()).strip()))
        return found

    ok = (200, "ok")
    async with other_process() as (one, _, first), other_process() as (two, _, second):
        assert await probes() == [(503, "process 1: not running"), ok]
        fronted.group.running = {n: process(n, p, 1e9) for n, p in ((1, one), (2, two))}
        assert await probes() == [(503, "process 1: recovering state"), ok]
        for health in (first, second):
            health.recovered = health.consuming = True
        assert await probes() == [ok, ok]
        second.consuming = False
        assert await probes() == [(503, "process 2: not consuming"), ok]
        second.fail("the disk is gone")
        assert (await probes())[1] == (503, "process 2: the disk is gone")
        fronted.group.stopping = True
        assert (await probes())[0] == (503, "stopping")


async def test_a_silent_process_is_not_ready_and_in_the_end_not_alive(fronted) -> None:
    silent = process(1, free_port(), started=100.0)
    fronted.group.running = {1: silent}
    await fronted.group.probe()
    assert fronted.group.ready() == (False, "process 1: no answer")
    assert fronted.group.live(100.0 + SILENT_S) == (True, "ok")
    assert fronted.group.live(102.0 + SILENT_S) == (False, "process 1: no answer for 32 s")
    starting = process(1, free_port(), started=100.0)
    starting.has_answered = False
    fronted.group.running = {1: starting}
    await fronted.group.probe()
    assert fronted.group.ready() == (False, "process 1: starting")


async def test_metrics_are_those_of_all_processes_and_outlive_one(fronted) -> None:
    async def total() -> float:
        async with fronted.client.get("/metrics") as response:
            lines = (await response.text()).splitlines()
        name = "distillwatch_accounts_evicted_total "
        return next(float(line.removeprefix(name)) for line in lines if line.startswith(name))

    async with other_process() as (one, first, _):
        async with other_process() as (two, second, _):
            fronted.group.running = {n: process(n, p, 1.0) for n, p in ((1, one), (2, two))}
            first.accounts_evicted_total.inc(3)
            second.accounts_evicted_total.inc(4)
            assert await total() == 7
        second.accounts_evicted_total.inc(9)  # process 2 answers no more: the last it gave stays
        first.accounts_evicted_total.inc()
        assert await total() == 8
        ended = fronted.group.running.pop(2)
        fronted.totals.keep(2, ended.samples)
        assert await total() == 8
