"""One run of the demo: starts all parts, plays the traffic, and compares what came with the truth.

Worker and enforcer run as their users run them, as processes; only the broker is one that forgets.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec
from aiokafka import AIOKafkaConsumer
from prometheus_client.parser import text_string_to_metric_families

from stream.core.alerts import Alert
from stream.delivery.topic_reader import written_s
from stream.intake.codec.event import RequestEvent
from stream.kafka.connection import client_options, keep_trying
from stream.kafka.topics import create
from stream.settings import load
from stream.tools.demo.approvals import Approvals
from stream.tools.demo.child_process import started
from stream.tools.demo.demo_gateway import DemoGateway
from stream.tools.demo.response_ledger import ResponseLedger
from stream.tools.embedded.broker import EmbeddedBroker
from stream.tools.report.campaign_traffic import CampaignTraffic
from stream.tools.report.labels import Labels
from stream.tools.report.scorecard import accounts_of, score
from stream.tools.simulate.play import play

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.core.decisions import Decision
    from stream.settings import Settings
    from stream.tools.demo.child_process import ChildProcess
    from stream.tools.demo.response_ledger import DemoResponse
    from stream.tools.report.scorecard import Scorecard
    from stream.tools.simulate.request import Request
    from stream.tools.simulate.scenario import Scenario

_DRAINED_WITHIN_S: Final = 120.0
_POLL_MS: Final = 500
#: Events that are counted at once.
_TOGETHER: Final = 1000
_QUIET_POLLS: Final = 5  # a second apart, without another window: nothing more is coming
_WEEK_S: Final = 604_800
#: A throttle counts by the clock, which the traffic outruns: campaigns are suspended at once.
_RULES: Final = [
    {"kind": kind, "severity": severity, "action": action, "for_s": _WEEK_S}
    for kind, action in (("account", "watch"), ("campaign", "suspend"))
    for severity in ("warning", "critical")
]

_decode_alert = msgspec.json.Decoder(Alert).decode


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """What was found, and what was done about it."""

    card: Scorecard
    response: DemoResponse
    settings: Settings  # of the worker, to read its topics while it runs

    @property
    def perfect(self) -> bool:
        """Return whether all was found, and nothing benign accused or refused."""
        return self.card.perfect and not self.response.benign.refused


@dataclass
class Demo:
    """One run; the callbacks are called while it runs, from several threads."""

    scenario: Scenario
    seconds: float
    port: int
    on_start: Callable[[str, str], None]  # address and token of the page
    on_alert: Callable[[Alert], None]
    on_approved: Callable[[Decision], None]
    on_progress: Callable[[int, float], None]
    on_outcome: Callable[[DemoOutcome], None]  # while the worker still runs
    _alerts: list[Alert] = field(init=False, default_factory=list)
    _over: threading.Event = field(init=False, default_factory=threading.Event)
    _interrupted: bool = field(init=False, default=False)

    def interrupt(self) -> None:
        """End the run at its next step, by a KeyboardInterrupt there: for handlers of signals.

        Raised wherever the handler runs it can be lost: the Kafka client takes it for a failure of
        one of its tasks, and waits for that task for ever.
        """
        self._interrupted = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if the run is to end."""
        if self._interrupted:
            raise KeyboardInterrupt

    def run(self) -> DemoOutcome:
        """Run to the end; raises BrokerError when broker, worker or enforcer fail."""
        labels = _labels(self.scenario)
        traffic, ledger = CampaignTraffic(labels), ResponseLedger(labels)
        with ExitStack() as stack:
            broker = stack.enter_context(EmbeddedBroker())
            port, token = self.port or _free_port(), secrets.token_urlsafe()
            environment = _environment(broker.bootstrap, port, token)
            settings = load(None, environment)
            keep_trying(settings.kafka, lambda admin: create(admin, settings.topics))
            worker, enforcer = (
                stack.enter_context(
                    started(
                        command,
                        environment | {"DISTILLWATCH_HTTP_PORT": str(its_port)},
                        f"http://127.0.0.1:{its_port}",
                    )
                )
                for command, its_port in (("worker", port), ("enforcer", _free_port()))
            )
            worker.until_ready(self.check)
            enforcer.until_ready(self.check)
            self.on_start(worker.address, token)
            readers = stack.enter_context(ThreadPoolExecutor(1))
            # Before the reader begins: whatever is raised after that ends it.
            stack.callback(self._over.set)
            reading = readers.submit(asyncio.run, self._read(settings, ledger))
            gateway = stack.enter_context(
                DemoGateway(settings.enforcer.port, settings.enforcer.tokens.reveal())
            )
            self._play(settings, worker, gateway, traffic, ledger)
            self._over.set()
            reading.result()
            outcome = DemoOutcome(
                score(self._alerts, labels, traffic), ledger.response(gateway.unanswered), settings
            )
            self.on_outcome(outcome)
            return outcome

    def _play(
        self,
        settings: Settings,
        worker: ChildProcess,
        gateway: DemoGateway,
        traffic: CampaignTraffic,
        ledger: ResponseLedger,
    ) -> None:
        tried: list[RequestEvent] = []

        def handle(request: Request) -> Request:
            logged = gateway.handle(request)
            ledger.on_request(request, refused=logged is not request, time=time.time())
            tried.append(_as_event(request))
            if len(tried) == _TOGETHER:
                traffic.observe(tried)
                tried.clear()
            return logged

        sent = play(
            self.scenario,
            settings.kafka.bootstrap_servers,
            settings.topics.requests,
            self.scenario.span_s / self.seconds,
            progress=self.on_progress,
            gateway=handle,
            stopped=lambda: self._interrupted or worker.has_ended,
        )
        traffic.observe(tried)
        _await_drained(worker, sent, self.check)

    async def _read(self, settings: Settings, ledger: ResponseLedger) -> None:
        def approved(decision: Decision) -> None:
            ledger.on_approved(decision)
            self.on_approved(decision)

        alerts, decisions = settings.topics.alerts, settings.topics.decisions
        consumer = AIOKafkaConsumer(
            alerts, decisions, auto_offset_reset="earliest", **client_options(settings.kafka)
        )
        async with Approvals(settings, approved) as people, consumer:
            while not self._over.is_set():
                for tp, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
                    for record in records:
                        if tp.topic == decisions:
                            await people.read(record)
                            continue
                        alert = _decode_alert(record.value or b"")
                        self._alerts.append(alert)
                        ledger.on_alert(accounts_of(alert), written_s(record))
                        self.on_alert(alert)


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
        "DISTILLWATCH_DECISIONS_KEY": secrets.token_hex(),
        "DISTILLWATCH_DECISIONS_MODE": "propose",
        "DISTILLWATCH_DECISIONS_RULES": json.dumps(_RULES),
        "DISTILLWATCH_ENFORCER_PORT": str(_free_port()),
        "DISTILLWATCH_ENFORCER_TOKENS": secrets.token_hex(),
    }


def _await_drained(worker: ChildProcess, sent: int, check: Callable[[], None]) -> None:
    """Wait until the worker has decoded all that was sent and alerting has caught up."""
    deadline = time.monotonic() + _DRAINED_WITHIN_S
    seen, quiet = -1.0, 0
    while time.monotonic() < deadline:
        check()
        if worker.has_ended:
            raise worker.failure("ended while there was traffic")
        time.sleep(1)
        try:
            events, windows = _figures(worker.page("metrics"))
        except OSError:
            continue  # busy with a long window; the next poll shows it
        quiet = quiet + 1 if events >= sent and windows == seen else 0
        if quiet >= _QUIET_POLLS:
            return
        seen = windows
    raise worker.failure(f"did not read all events within {_DRAINED_WITHIN_S:g} s")


def _figures(text: str) -> tuple[float, float]:
    totals = {"distillwatch_events_total": 0.0, "distillwatch_windows_closed_total": 0.0}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in totals:
                totals[sample.name] += sample.value
    return totals["distillwatch_events_total"], totals["distillwatch_windows_closed_total"]


def _labels(scenario: Scenario) -> Labels:
    return Labels.of((row.account_id, row.label, row.campaign_id) for row in scenario.labels())


def _as_event(request: object) -> RequestEvent:
    return msgspec.convert(request, RequestEvent, from_attributes=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
