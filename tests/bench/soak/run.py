"""Runs a soak: brokers, workers, traffic and faults, until the traffic is over and processed."""

from __future__ import annotations

import logging
import secrets
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kafka import KafkaConsumer, TopicPartition

from soak import builds, series
from soak.month import START_S, Month
from soak.rig import BROKERS, WORKERS, Rig, ports
from soak.sampler import Sampler
from soak.schedule import Fault, schedule
from soak.traffic import PARTITIONS, Traffic
from stream.core.ledger import ledger_day_in
from testlib.brokers.apache_kafka import ApacheKafka

if TYPE_CHECKING:
    from pathlib import Path

    from stream.settings import Settings

_DAY_S: Final = 86_400.0
_PROGRESS_EVERY_S: Final = 30.0
_DRAINED_WITHIN_S: Final = 300.0
#: Small, and quick to start on a busy machine.
_JAVA: Final = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_BROKER_STARTS_WITHIN_S: Final = 300.0
#: Segments are short, as time passes 300 times faster: brokers delete whole segments only.
_BROKER: Final = {
    "log.roll.ms": "120000",
    "log.retention.check.interval.ms": "10000",
    "log.segment.delete.delay.ms": "5000",
    # Longer than by default, and far longer than in the tests: a soak runs on busy machines, where
    # brokers that take each other for dead would be all that is tested.
    "broker.session.timeout.ms": "18000",
    "broker.heartbeat.interval.ms": "2000",
    "controller.quorum.fetch.timeout.ms": "20000",
    "controller.quorum.election.timeout.ms": "5000",
    "controller.quorum.request.timeout.ms": "10000",
    "log.cleaner.backoff.ms": "15000",
}


@dataclass(frozen=True)
class Plan:
    """``hours`` of the clock; ``older`` is the commit whose build runs before the upgrade."""

    hours: float
    pace: float
    seed: int
    older: str
    folder: Path

    @property
    def days(self) -> float:
        """Return the days of traffic."""
        return self.hours * 3600 * self.pace / _DAY_S


def overrides() -> dict[str, object]:
    """Return the settings of the product; all others are the defaults.

    ``windows_idle_timeout_s`` is longer: at this pace a broker that is away for 5 s holds a
    partition up for 25 minutes of event time, which no gateway's silence does.
    """
    return {
        "kafka_app_id": "soak",
        "topics_replication_factor": 3,
        "topics_requests_partitions": PARTITIONS,
        # As many as there are workers: each window of each partition has a cost of its own.
        "topics_partitions": WORKERS,
        "windows_idle_timeout_s": 60,
    }


def run(plan: Plan) -> None:
    """Run to the end; what was measured is in the folder of the plan."""
    plan.folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=plan.folder / "harness.log", level=logging.WARNING)
    older = builds.installed(plan.older)
    given = overrides()
    meta = series.Meta(
        days=plan.days,
        pace=plan.pace,
        seed=plan.seed,
        began=time.time(),
        revision=builds.revision(),
        older_revision=builds.revision(plan.older),
        command=" ".join(sys.argv[1:]),
        settings={name: str(value) for name, value in given.items()},
    )
    series.write(plan.folder / "meta.json", meta)
    config = _BROKER | {"log.retention.ms": str(int(3 * _DAY_S / plan.pace * 1000))}
    began = time.monotonic()

    def mark(kind: str, text: str) -> None:
        at_s = time.monotonic() - began
        series.append(plan.folder / "marks.jsonl", series.Mark(at_s, kind, text))
        print(f"{at_s:7.0f} s  {kind}: {text.splitlines()[0]}", flush=True)

    with ApacheKafka(
        nodes=BROKERS,
        config=config,
        ports=ports,
        java=_JAVA,
        start_within_s=_BROKER_STARTS_WITHIN_S,
    ) as kafka:
        secret = {"page_token": secrets.token_urlsafe()}
        rig = Rig(plan.folder, kafka, given | secret, older, mark)
        rig.create_topics(plan.pace)
        rig.start_all()
        month = Month(plan.days, plan.seed)
        traffic = Traffic(month, plan.pace, rig.settings)
        began = time.monotonic()
        sampler = Sampler(rig, traffic, plan.folder, began)
        try:
            traffic.start()
            sampler.start()
            _disturb(plan, rig, traffic, sampler, began)
            traffic.join()
            if traffic.failure is not None:
                mark("trouble", f"traffic: {traffic.failure!r}")
            sent_s = time.monotonic() - began
            mark("sent", f"{traffic.sent:,} requests sent")
            drained = _drained(rig, sampler, began)
            found = _counted(rig.settings, traffic.sent)
            end = series.End(
                at_s=sent_s,
                ledger=found,
                dead_letters=_records(rig.settings, rig.settings.topics.deadletter),
                drained_s=drained - sent_s if drained else -1.0,
            )
            series.write(plan.folder / "end.json", end)
            mark("stop", "workers stopped")
            rig.stop_all()
        finally:
            traffic.stop.set()
            sampler.stop()
            traffic.join()
            for lived in rig.slots:
                lived.process.process.send_signal(signal.SIGKILL)


def _disturb(plan: Plan, rig: Rig, traffic: Traffic, sampler: Sampler, began: float) -> None:
    """Let the faults happen, until the traffic is over."""
    faults = schedule(plan.hours * 3600, plan.seed)
    shown = 0.0
    while not traffic.over.wait(1.0):
        now = time.monotonic() - began
        if now >= plan.hours * 3600:
            traffic.stop.set()  # it was held, so the month is longer than the hours
            continue
        rig.revive()
        if faults and faults[0].at_s <= now:
            _do(rig, faults.pop(0))
        if now - shown >= _PROGRESS_EVERY_S:
            shown = now
            print(_progress(plan, traffic, sampler, now), flush=True)


def _do(rig: Rig, fault: Fault) -> None:
    match fault.kind:
        case "kill":
            rig.kill(fault.which)
        case "roll_workers":
            rig.roll("roll_workers")
        case "upgrade":
            rig.roll("upgrade", sys.executable)
        case "roll_brokers":
            rig.roll_brokers()
        case "crash_broker":
            rig.restart_broker(fault.which, signal.SIGKILL)


def _progress(plan: Plan, traffic: Traffic, sampler: Sampler, now: float) -> str:
    share = min(1.0, now / (plan.hours * 3600))
    bar = "#" * round(20 * share)
    day = max(0.0, traffic.event_s - START_S) / _DAY_S
    text = f"[{bar:20}] {share:4.0%}  day {day:4.1f}  {traffic.sent:,} sent"
    last = sampler.last
    if last is not None:
        rss = " + ".join(f"{life.rss / 2**20:.0f}" for life in last.workers)
        text += f"  lag {last.lag_s or 0:.0f} s  memory {rss} MiB"
    return text


def _drained(rig: Rig, sampler: Sampler, began: float) -> float | None:
    """Wait until all is committed; return when, in seconds since the traffic began."""
    deadline = time.monotonic() + _DRAINED_WITHIN_S
    sent = time.monotonic() - began
    while time.monotonic() < deadline:
        time.sleep(2)
        rig.revive()
        last = sampler.last
        if last is not None and last.at_s > sent + 10 and not sum(last.behind.values()):
            return last.at_s
    return None


def _counted(settings: Settings, sent: int) -> dict[str, int]:
    """Return the requests of the ledger by day, as soon as they are all, or after two minutes."""
    deadline = time.monotonic() + 120
    while True:
        found: dict[str, int] = {}
        for key, value in _read(settings, settings.topics.ledger):
            day = ledger_day_in(key, value)
            if day is not None:
                found[day.day] = day.total.requests
        if sum(found.values()) >= sent or time.monotonic() > deadline:
            return found
        time.sleep(5)


def _records(settings: Settings, topic: str) -> int:
    return len(_read(settings, topic))


def _read(settings: Settings, topic: str) -> list[tuple[bytes | None, bytes | None]]:
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap_servers.split(","),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        isolation_level="read_committed",
    )
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        end = consumer.end_offsets([partition])[partition]
        found = []
        while consumer.position(partition) < end:
            for records in consumer.poll(timeout_ms=500).values():
                found += [(record.key, record.value) for record in records]
        return found
    finally:
        consumer.close()
