"""Lets one competitor read a topic and measures it.

The rule, the same for all: the clock runs from the first fetch to the last event counted, which
means counted in the result (a closed window, a table, what all stages have passed), and so does
the processor time of the process, all its threads. Afterwards events and output tokens of what it
counted are held against what was written.

A competitor of another process says on its standard output when it has its first record and its
last count. Our worker is watched from outside: it began when it last said that it is not consuming
yet (so a little too early), and is done when every lane of every stage has closed the last step.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kafka.admin import KafkaAdminClient
from real_worker import RealWorker

from side_by_side import process
from side_by_side.entries import OURS, Entry
from side_by_side.figures import Figures
from stream.kafka.connection import keep_trying
from stream.kafka.settings import KafkaSettings, TopicSettings
from stream.kafka.topics import create, wanted

if TYPE_CHECKING:
    from collections.abc import Callable

    from side_by_side.traffic import Expected

_POLL_S: Final = 0.02
#: How often our worker's metrics are read: each time costs it some milliseconds.
_SCRAPE_S: Final = 2.0
_AT_THE_END_S: Final = 0.1
_WITHIN_S: Final = 1800.0
_LANES: Final = TopicSettings().partitions
_STAGES: Final = {"accounts": _LANES, "campaigns": _LANES, "alerting": 1}


def run(
    entry: Entry,
    bootstrap: str,
    kind: str,
    expected: Expected,
    closing: int,
    told: Callable[[int], None],
) -> Figures:
    """Return the figures of one run; ``told`` hears how many events were counted so far."""
    if entry is OURS:
        return _ours(bootstrap, kind, expected, closing, told)
    whole = expected.events + (0 if entry.leaves_open else closing)
    count = whole if entry.most is None else min(whole, entry.most)
    command = [*entry.command, bootstrap, kind, kind, str(count)]
    with tempfile.TemporaryFile("w+") as errors:
        running = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=tempfile.gettempdir()
        )
        guard = threading.Timer(_WITHIN_S, running.kill)
        guard.start()
        try:
            said = _listen(running, told)
        finally:
            guard.cancel()
            running.kill()
            running.wait()
        errors.seek(0)
        log = errors.read()[-2000:]
    if "last" not in said:
        return Figures(
            entry=entry.name, kind=kind, events=0, wall_s=0, cpu_s=0, peak_mib=0,
            wrong=f"it ended early: {log}",
        )  # fmt: skip
    first, last, total = said["first"], said["last"], said.get("total", {})
    same = count < whole or total.get("tokens") == expected.tokens
    right = total.get("events") == count and same
    return Figures(
        entry=entry.name,
        kind=kind,
        events=count,
        wall_s=last["at"] - first["at"],
        cpu_s=last["cpu_s"] - first["cpu_s"],
        peak_mib=last["peak_mib"],
        wrong="" if right else f"it counted {total}, expected {count} and {expected.tokens}",
    )


def _listen(
    running: subprocess.Popen[str], told: Callable[[int], None]
) -> dict[str, dict[str, float]]:
    said: dict[str, dict[str, float]] = {}
    assert running.stdout is not None
    for line in running.stdout:
        try:
            message = json.loads(line)
        except ValueError:
            continue  # a framework's own chatter
        if message["what"] in {"first", "last"}:
            message["cpu_s"] = process.cpu_s(running.pid)
            message["peak_mib"] = process.peak_mib(running.pid)
        said[message["what"]] = message
        if message["what"] == "total":
            return said
        told(int(message.get("events", 0)))
    return said


def _ours(
    bootstrap: str, kind: str, expected: Expected, closing: int, told: Callable[[int], None]
) -> Figures:
    name = f"bench-{kind}-{time.monotonic_ns()}"
    topics = TopicSettings(
        requests=kind,
        alerts=f"{name}.alerts",
        deadletter=f"{name}.deadletter",
        internal_prefix=f"{name}.internal.",
    )
    kafka = KafkaSettings(bootstrap_servers=bootstrap, app_id=name)
    keep_trying(kafka, lambda admin: create(admin, topics))
    settings = {
        "KAFKA_APP_ID": name,
        "TOPICS_REQUESTS": topics.requests,
        "TOPICS_ALERTS": topics.alerts,
        "TOPICS_DEADLETTER": topics.deadletter,
        "TOPICS_INTERNAL_PREFIX": topics.internal_prefix,
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        RealWorker(bootstrap, Path(folder) / "worker.log", settings) as worker,
    ):
        pid = worker.process.pid
        began, began_cpu_s = time.monotonic(), process.cpu_s(pid)
        while True:
            now, cpu_s = time.monotonic(), process.cpu_s(pid)
            if worker.ready():
                break
            began, began_cpu_s = now, cpu_s
            assert worker.process.poll() is None, worker.log
            time.sleep(_POLL_S)
        _follow(worker, expected, told)
        took, used = time.monotonic() - began, process.cpu_s(pid) - began_cpu_s
        counted = worker.total("distillwatch_events_total", result="accepted")
        tokens = worker.total("distillwatch_observed_tokens_total", direction="output")
        tracked = worker.tracked()
        alerts = worker.total("distillwatch_alerts_total")
        memory = worker.memory_mib("VmHWM")
    _forget(bootstrap, topics)
    found = (counted, tokens, tracked)
    right = (expected.events + closing, expected.tokens, expected.accounts)
    return Figures(
        entry=OURS.name,
        kind=kind,
        events=expected.events + closing,
        wall_s=took,
        cpu_s=used,
        peak_mib=memory,
        alerts=int(alerts),
        wrong="" if found == right else f"it counted {found}, expected {right}",
    )


def _follow(worker: RealWorker, expected: Expected, told: Callable[[int], None]) -> None:
    """Wait until every lane of every stage has closed the last step."""
    deadline = time.monotonic() + _WITHIN_S
    while True:
        metrics = worker.get("metrics")[1]
        counted = _total(metrics, "distillwatch_events_total")
        told(int(counted))
        marks = _samples(metrics, "distillwatch_watermark_timestamp_seconds")
        if len(marks) == sum(_STAGES.values()) and min(marks) >= expected.last_step:
            return
        assert worker.process.poll() is None, worker.log
        assert time.monotonic() < deadline, "not done in time"
        time.sleep(_SCRAPE_S if counted < expected.events else _AT_THE_END_S)


def _samples(metrics: str, name: str) -> list[float]:
    return [
        float(line.rpartition(" ")[2])
        for line in metrics.splitlines()
        if line.startswith((f"{name} ", f"{name}{{"))
    ]


def _total(metrics: str, name: str) -> float:
    return sum(_samples(metrics, name))


def _forget(bootstrap: str, topics: TopicSettings) -> None:
    """Delete the topics of a run: they take the room of its events."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.delete_topics([t.name for t in wanted(topics) if t.name != topics.requests])
    admin.close()
