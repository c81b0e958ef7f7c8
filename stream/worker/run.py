"""Runs a worker until it is stopped or fails; the composition root passes the stages in."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from stream.core.errors import BrokerError, DistillwatchError
from stream.kafka.connection import keep_trying, reach
from stream.kafka.refusal import RefusedError
from stream.kafka.topics import check
from stream.worker.app import WorkerApp, create_app
from stream.worker.commit_watch import CommitWatch
from stream.worker.compression import install_fast_compression
from stream.worker.event_loop import new_event_loop
from stream.worker.idleness import IdlenessDetector
from stream.worker.lag import Lag
from stream.worker.library_logs import quiet_library_logs, silence_library_logs
from stream.worker.runtime import Runtime
from stream.worker.sender import Sender
from stream.worker.shutdown_watchdog import (
    CLOSE_TIMEOUT_S,
    EXIT_TIMEOUT_S,
    NEVER,
    STOP_TIMEOUT_S,
    ShutdownWatchdog,
)
from stream.worker.slim_records import install_slim_records
from stream.worker.tasks import OwnedTasks
from stream.worker.topic_monitor import TopicMonitor

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from stream.http.health import Health
    from stream.kafka.settings import KafkaSettings, TopicSettings
    from stream.worker.metrics import WorkerMetrics
    from stream.worker.ports import Stages

log = logging.getLogger(__name__)


class Service(Protocol):
    """A part that runs beside the stages: HTTP servers, receivers."""

    async def start(self) -> None:
        """Start."""
        ...

    async def stop(self) -> None:
        """Stop; idempotent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerComponents:
    """Everything that a worker needs.

    ``services`` are started before the stages, in order, and stopped after them.
    """

    kafka: KafkaSettings
    topics: TopicSettings
    idle_timeout_s: float
    stages: Callable[[], Stages]
    metrics: WorkerMetrics
    health: Health
    services: Sequence[Service] = ()


def run(components: WorkerComponents, watchdog: ShutdownWatchdog = NEVER) -> None:
    """Run a worker until SIGTERM or SIGINT; raises its failure.

    The ``watchdog`` ends the process soon after this.
    """
    quiet_library_logs()
    keep_trying(components.kafka, lambda admin: check(admin, components.topics))
    code = 0
    try:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            try:
                runner.run(serve(components, stop=None, watchdog=watchdog))
            except DistillwatchError as error:
                silence_library_logs()
                code = error.exit_code
                watchdog.set(CLOSE_TIMEOUT_S, line=str(error), code=code)
                raise
    finally:
        watchdog.set(CLOSE_TIMEOUT_S, code=code)  # the caller reports the error


async def serve(
    components: WorkerComponents, *, stop: asyncio.Event | None, watchdog: ShutdownWatchdog = NEVER
) -> None:
    """Run a worker on the running loop until ``stop`` is set, or a signal comes (None)."""
    install_slim_records()
    install_fast_compression()
    sender = Sender(components.kafka, components.topics)
    stages = components.stages()
    tasks = OwnedTasks(stages, components.kafka, components.topics, components.metrics)
    topics = TopicMonitor(stages.source, components.kafka, components.topics)
    runtime = Runtime(tasks, sender, topics, components.metrics, components.health)
    app = create_app(components.kafka, components.topics, runtime)
    async with contextlib.AsyncExitStack() as cleanup:
        for service in components.services:
            await service.start()
            cleanup.push_async_callback(service.stop)
        cleanup.push_async_callback(sender.stop)
        await sender.start()
        cleanup.push_async_callback(tasks.retain_only, ())
        await _run_app(components, app, runtime, stop or _stop_by_signal())
        late = f"the worker did not stop within {EXIT_TIMEOUT_S:g} s"
        watchdog.set(EXIT_TIMEOUT_S, line=str(runtime.failure or late))
    if runtime.failure is not None:
        raise await _with_reason(runtime.failure, components.kafka)


async def _with_reason(failure: BaseException, kafka: KafkaSettings) -> BaseException:
    """Add the reason that the brokers give now: their client reports only that a call failed."""
    if isinstance(failure, BrokerError) and not isinstance(failure, RefusedError):
        try:
            await reach(kafka)
        except BrokerError as reason:
            return BrokerError(f"{failure}; {reason}")
    return failure


async def _run_app(
    components: WorkerComponents, app: WorkerApp, runtime: Runtime, stop: asyncio.Event
) -> None:
    idleness = IdlenessDetector(
        app.view,
        runtime,
        topic=components.topics.requests,
        timeout_s=components.idle_timeout_s,
    )
    lag = Lag(app.view, runtime, components.metrics, components.health)
    commits = CommitWatch(runtime, lambda: reach(components.kafka))
    tasks = [
        asyncio.create_task(_guard(runtime, work))
        for work in (
            _start(app),
            runtime.run(),
            idleness.run(),
            lag.run(),
            runtime.topics.watch(app.view),
            _watch_crash(app),
            commits.run(),
        )
    ]
    ends = [asyncio.create_task(event.wait()) for event in (stop, runtime.failed)]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    # After a failure no checkpoint and no commit follows.
    patience_s = STOP_TIMEOUT_S if runtime.failure is None else CLOSE_TIMEOUT_S
    try:
        await asyncio.wait_for(app.stop(), patience_s)
    except TimeoutError:
        runtime.fail(BrokerError(f"the worker did not stop within {patience_s:g} s"))
    finally:
        for task in (*tasks, *ends):
            task.cancel()
        await asyncio.gather(*tasks, *ends, return_exceptions=True)


async def _start(app: WorkerApp) -> None:
    await app.start()
    log.info("started")


async def _watch_crash(app: WorkerApp) -> None:
    """Raise the error of the part of Faust that failed."""
    await app._crashed.wait()  # noqa: SLF001 - mode has no public way to wait for it
    error = app.crash_reason
    raise BrokerError(f"the consumer failed: {type(error).__name__} {error}") from error


async def _guard(runtime: Runtime, work: Coroutine[None, None, None]) -> None:
    try:
        await work
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # noqa: BLE001 - the worker stops with it
        runtime.fail(error)


def _stop_by_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
