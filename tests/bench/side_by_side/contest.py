"""Lets one competitor read a topic and measures it.

The rule, the same for all: the clock runs from the first fetch to the last event counted, which
means counted in the result (a closed window, a table, what all stages have passed), and so does
the processor time of the process, all its threads. Afterwards events and output tokens of what it
counted are held against what was written.

A competitor of another process says on its standard output when it has its first record and its
last count. Our worker is watched from outside: it began when it last said that it is not consuming
yet (so a little too early), and is done when every partition of every stage has closed the last
step.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kafka.admin import KafkaAdminClient

from side_by_side import process
from side_by_side.entries import OURS, Entry
from side_by_side.figures import Figures
from stream.kafka.connection import keep_trying
from stream.kafka.settings import KafkaSettings, TopicSettings
from stream.kafka.topics import create, wanted
from testlib.metrics import samples, total
from testlib.workers.command import worker_environment
from testlib.workers.worker import Worker, running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from side_by_side.traffic import Expected

_POLL_S: Final = 0.02
#: How often our worker's metrics are read: each time costs it some milliseconds.
_SCRAPE_S: Final = 2.0
_AT_THE_END_S: Final = 0.1
_WITHIN_S: Final = 1800.0


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
        return ours(bootstrap, kind, expected, closing, told)
    count = expected.events + (0 if entry.leaves_open else closing)
    command = [*entry.command, bootstrap, expected.topic, kind, str(count)]
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
    right = (total.get("events"), total.get("tokens")) == (count, expected.tokens)
    return Figures(
        entry=entry.name,
        kind=kind,
        events=count,
        wall_s=last["at"] - first["at"],
        cpu_s=last["cpu_s"] - first["cpu_s"],
        peak_mib=int(last["peak_mib"]),
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


def ours(
    bootstrap: str,
    kind: str,
    expected: Expected,
    closing: int,
    told: Callable[[int], None] = lambda _: None,
    *,
    workers: int = 1,
    partitions: int = TopicSettings().partitions,
) -> Figures:
    """Return the figures of a run of our own workers."""
    name = f"bench-{kind}-{time.monotonic_ns()}"
    topics = TopicSettings(
        requests=expected.topic,
        alerts=f"{name}.alerts",
        deadletter=f"{name}.deadletter",
        internal_prefix=f"{name}.internal.",
        partitions=partitions,
    )
    kafka = KafkaSettings(bootstrap_servers=bootstrap, app_id=name)
    keep_trying(kafka, lambda admin: create(admin, topics))
    settings = {
        "KAFKA_APP_ID": name,
        "TOPICS_REQUESTS": topics.requests,
        "TOPICS_ALERTS": topics.alerts,
        "TOPICS_DEADLETTER": topics.deadletter,
        "TOPICS_INTERNAL_PREFIX": topics.internal_prefix,
        "TOPICS_PARTITIONS": str(partitions),
    }
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        group = [
            stack.enter_context(
                running(worker_environment(bootstrap, **settings), Path(folder) / f"{n}.log")
            )
            for n in range(workers)
        ]
        began, began_cpu_s = _begin(group)
        _follow(group, expected, partitions, told)
        took, used = time.monotonic() - began, _cpu_s(group) - began_cpu_s
        pages = [worker.page("metrics")[1] for worker in group]
        memory = max(worker.memory_mib("VmHWM") for worker in group)
    _forget(bootstrap, topics)
    found = (
        sum(total(page, "distillwatch_events_total", result="accepted") for page in pages),
        sum(
            total(page, "distillwatch_observed_tokens_total", direction="output") for page in pages
        ),
        _total(pages, "distillwatch_accounts_tracked"),
    )
    # What closes the windows of others stays in an open one itself.
    right = (expected.events + closing, expected.tokens, expected.accounts)
    return Figures(
        entry=OURS.name,
        kind=kind,
        events=expected.events + closing,
        wall_s=took,
        cpu_s=used,
        peak_mib=memory,
        alerts=int(_total(pages, "distillwatch_alerts_total")),
        wrong="" if found == right else f"it counted {found}, expected {right}",
    )


def _begin(group: Sequence[Worker]) -> tuple[float, float]:
    """Return when all workers still said that they do not consume, and their time by then."""
    began = time.monotonic(), _cpu_s(group)
    while True:
        now = time.monotonic(), _cpu_s(group)
        if any(worker.ready() for worker in group):
            return began
        began = now
        _running(group)
        time.sleep(_POLL_S)


def _follow(
    group: Sequence[Worker], expected: Expected, partitions: int, told: Callable[[int], None]
) -> None:
    """Wait until every partition of every stage has closed the last step."""
    deadline = time.monotonic() + _WITHIN_S
    while True:
        pages = [worker.page("metrics")[1] for worker in group]
        counted = _total(pages, "distillwatch_events_total")
        told(int(counted))
        marks = [
            sample.value
            for page in pages
            for sample in samples(page, "distillwatch_watermark_timestamp_seconds")
        ]
        if sum(mark >= expected.last_step for mark in marks) == 2 * partitions + 1:
            return
        _running(group)
        assert time.monotonic() < deadline, "not done in time"
        time.sleep(_SCRAPE_S if counted < expected.events else _AT_THE_END_S)


def _running(group: Sequence[Worker]) -> None:
    for worker in group:
        assert worker.process.poll() is None, worker.log


def _cpu_s(group: Sequence[Worker]) -> float:
    return sum(process.cpu_s(worker.process.pid) for worker in group)


def _total(pages: Sequence[str], name: str) -> float:
    return sum(total(page, name) for page in pages)


def _forget(bootstrap: str, topics: TopicSettings) -> None:
    """Delete the topics of a run: they take the room of its events."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.delete_topics([t.name for t in wanted(topics) if t.name != topics.requests])
    admin.close()
