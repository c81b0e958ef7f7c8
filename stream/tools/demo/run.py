"""The demo: a broker in memory, a worker, simulated traffic with campaigns, and what comes of it.

Runs the worker as its users do, as a process of its own; only the broker is one that forgets.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from aiokafka import AIOKafkaConsumer
from prometheus_client.parser import text_string_to_metric_families

from stream.core.alerts import Alert
from stream.core.errors import BrokerError
from stream.intake.codec.event import RequestEvent
from stream.kafka.connection import client_options, keep_trying
from stream.kafka.topics import create
from stream.settings import load
from stream.tools.embedded.broker import EmbeddedBroker
from stream.tools.report.campaign_traffic import CampaignTraffic
from stream.tools.report.labels import Labels
from stream.tools.report.scorecard import Scorecard, score
from stream.tools.simulate.play import play

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from stream.settings import Settings
    from stream.tools.simulate.request import Request
    from stream.tools.simulate.scenario import Scenario

_READY_WITHIN_S: Final = 60.0
_DRAINED_WITHIN_S: Final = 120.0
_POLL_MS: Final = 500
#: Events that are counted at once.
_TOGETHER: Final = 1000
_QUIET_POLLS: Final = 5  # a second apart, without another window: nothing more is coming

_decode_alert = msgspec.json.Decoder(Alert).decode


@dataclass
class Demo:
    """One run; ``on_alert`` and ``on_progress`` are called while it runs."""

    scenario: Scenario
    seconds: float
    port: int
    on_start: Callable[[str, str], None]  # address and token of the page
    on_alert: Callable[[Alert], None]
    on_progress: Callable[[int, float], None]
    on_card: Callable[[Scorecard], None]  # while the worker still runs
    _alerts: list[Alert] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> Scorecard:
        """Run to the end; raises BrokerError when broker or worker fail."""
        with ExitStack() as stack:
            broker = stack.enter_context(EmbeddedBroker())
            port = self.port or _free_port()
            token = secrets.token_urlsafe()
            environment = _environment(broker.bootstrap, port, token)
            settings = load(None, environment)
            keep_trying(settings.kafka, lambda admin: create(admin, settings.topics))
            worker = stack.enter_context(_worker(environment))
            address = f"http://127.0.0.1:{port}"
            _await_ready(worker, address)
            self.on_start(address, token)
            reading = stack.enter_context(ThreadPoolExecutor(1)).submit(
                asyncio.run, self._read(settings)
            )
            stack.callback(self._over.set)
            ledger, labels = self._play(settings, worker, address)
            self._over.set()
            reading.result()
            card = score(self._alerts, labels, ledger)
            self.on_card(card)
            return card

    def _play(
        self, settings: Settings, worker: _Worker, address: str
    ) -> tuple[CampaignTraffic, Labels]:
        ledger = CampaignTraffic(labels := _labels(self.scenario))
        played: list[RequestEvent] = []

        def watch(request: Request) -> None:
            played.append(_as_event(request))
            if len(played) == _TOGETHER:
                ledger.observe(played)
                played.clear()

        sent = play(
            self.scenario,
            settings.kafka.bootstrap_servers,
            settings.topics.requests,
            self.scenario.span_s / self.seconds,
            progress=self.on_progress,
            watch=watch,
            stopped=lambda: worker.process.poll() is not None,
        )
        ledger.observe(played)
        _await_drained(worker, address, sent)
        return ledger, labels

    async def _read(self, settings: Settings) -> None:
        consumer = AIOKafkaConsumer(
            settings.topics.alerts, auto_offset_reset="earliest", **client_options(settings.kafka)
        )
        async with consumer:
            while not self._over.is_set():
                for records in (await consumer.getmany(timeout_ms=_POLL_MS)).values():
                    for record in records:
                        alert = _decode_alert(record.value or b"")
                        self._alerts.append(alert)
                        self.on_alert(alert)


@dataclass(frozen=True)
class _Worker:
    process: subprocess.Popen[bytes]
    log: Path

    def fail(self, what: str) -> BrokerError:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return BrokerError(f"{what}; its last line: {lines[-1] if lines else '(none)'}")


@contextmanager
def _worker(environment: Mapping[str, str]) -> Iterator[_Worker]:
    with tempfile.TemporaryDirectory(prefix="distillwatch-") as folder:
        log = Path(folder) / "worker.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "stream.cli.main", "worker"],
                env=dict(environment),
                stdout=file,
                stderr=file,
                cwd=folder,
            )
        try:
            yield _Worker(process, log)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _environment(bootstrap: str, port: int, token: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if "DISTILLWATCH_" not in name}
    return kept | {
        "DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        # One task: a few hundred accounts are one population, too small to be split.
        "DISTILLWATCH_TOPICS_PARTITIONS": "1",
        # With 300 accounts the default budget allows one false incident in a month.
        "DISTILLWATCH_DETECTION_ALERTS_BUDGET": "5",
        # The broker in memory has no transactions; a single worker needs no fencing.
        "DISTILLWATCH_KAFKA_TRANSACTIONS": "false",
        "DISTILLWATCH_KAFKA_COMMIT_INTERVAL_S": "2",
        "DISTILLWATCH_HTTP_HOST": "127.0.0.1",
        "DISTILLWATCH_HTTP_PORT": str(port),
        "DISTILLWATCH_PAGE_TOKEN": token,
    }


def _await_ready(worker: _Worker, address: str) -> None:
    deadline = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < deadline:
        if worker.process.poll() is not None:
            raise worker.fail("the worker ended while starting")
        try:
            _get(f"{address}/readyz")
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise worker.fail(f"the worker was not ready within {_READY_WITHIN_S:g} s")


def _await_drained(worker: _Worker, address: str, sent: int) -> None:
    """Wait until the worker has decoded all that was sent and alerting has caught up."""
    deadline = time.monotonic() + _DRAINED_WITHIN_S
    seen, quiet = -1.0, 0
    while time.monotonic() < deadline:
        if worker.process.poll() is not None:
            raise worker.fail("the worker ended while there was traffic")
        time.sleep(1)
        try:
            events, windows = _figures(_get(f"{address}/metrics"))
        except OSError:
            continue  # busy with a long window; the next poll shows it
        quiet = quiet + 1 if events >= sent and windows == seen else 0
        if quiet >= _QUIET_POLLS:
            return
        seen = windows
    raise worker.fail(f"the worker did not read all events within {_DRAINED_WITHIN_S:g} s")


def _figures(text: str) -> tuple[float, float]:
    totals = {"distillwatch_events_total": 0.0, "distillwatch_windows_closed_total": 0.0}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in totals:
                totals[sample.name] += sample.value
    return totals["distillwatch_events_total"], totals["distillwatch_windows_closed_total"]


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own worker
        return str(answer.read().decode())


def _labels(scenario: Scenario) -> Labels:
    return Labels.of((row.account_id, row.label, row.campaign_id) for row in scenario.labels())


def _as_event(request: object) -> RequestEvent:
    return msgspec.convert(request, RequestEvent, from_attributes=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
