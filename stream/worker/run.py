"""Runs a worker until it is told to stop or fails; the composition root gives it the stages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from stream.core.errors import BrokerError, DistillwatchError
from stream.kafka.connection import keep_trying, reach
from stream.kafka.refusal import RefusedError
from stream.kafka.topics import check
from stream.worker.app import WorkerApp, create_app
from stream.worker.deadline import NEVER, Deadline
from stream.worker.fetched import fetch_cheaply
from stream.worker.inputs import Inputs
from stream.worker.lag import Lag
from stream.worker.quiet import hush, quieten
from stream.worker.runtime import Runtime
from stream.worker.sender import Sender
from stream.worker.silence import Silence
from stream.worker.tasks import OwnedTasks, Stages

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from stream.http.health import Health
    from stream.kafka.settings import KafkaSettings, TopicSettings
    from stream.worker.metrics import WorkerMetrics

log = logging.getLogger(__name__)

_STOP_TIMEOUT_S: Final = 30.0
_EXIT_TIMEOUT_S: Final = 30.0  # for what comes after that
_CLOSE_TIMEOUT_S: Final = 5.0


class Service(Protocol):
    """Something that runs beside the stages: pages, sinks."""

    async def start(self) -> None:
        """Start."""
        ...

    async def stop(self) -> None:
        """Stop; again is harmless."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a worker needs.

    ``services`` are started before the stages, in order, and stopped after them.
    """

    kafka: KafkaSettings
    topics: TopicSettings
    idle_timeout_s: float
    stages: Callable[[], Stages]
    metrics: WorkerMetrics
    health: Health
    services: Sequence[Service] = ()


def run(plan: Plan, deadline: Deadline = NEVER) -> None:
    """Run a worker until SIGTERM or SIGINT; raises what makes it fail.

    The process ends soon after this by the ``deadline``, if there is one.
    """
    quieten()
    keep_trying(plan.kafka, lambda admin: check(admin, plan.topics))
    code = 0
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            try:
                runner.run(serve(plan, stop=None, deadline=deadline))
            except DistillwatchError as error:
                hush()
                code = error.exit_code
                deadline.set(_CLOSE_TIMEOUT_S, line=str(error), code=code)
                raise
    finally:
        deadline.set(_CLOSE_TIMEOUT_S, code=code)  # our caller says what there is to say


async def serve(plan: Plan, *, stop: asyncio.Event | None, deadline: Deadline = NEVER) -> None:
    """Run a worker on the running loop until ``stop`` is set, or a signal comes (None)."""
    fetch_cheaply()
    sender = Sender(plan.kafka, plan.topics)
    stages = plan.stages()
    tasks = OwnedTasks(stages, plan.kafka, plan.topics, plan.metrics)
    inputs = Inputs(stages.source, plan.kafka, plan.topics)
    runtime = Runtime(tasks, sender, inputs, plan.metrics, plan.health)
    app = create_app(plan.kafka, plan.topics, runtime)
    async with contextlib.AsyncExitStack() as cleanup:
        for service in plan.services:
            await service.start()
            cleanup.push_async_callback(service.stop)
        cleanup.push_async_callback(sender.stop)
        await sender.start()
        cleanup.push_async_callback(tasks.keep, ())
        await _run_app(plan, app, runtime, stop or _stop_by_signal())
        late = f"the worker did not stop within {_EXIT_TIMEOUT_S:g} s"
        deadline.set(_EXIT_TIMEOUT_S, line=str(runtime.failure or late))
    if runtime.failure is not None:
        raise await _with_reason(runtime.failure, plan.kafka)


async def _with_reason(failure: BaseException, kafka: KafkaSettings) -> BaseException:
    """Add what the brokers say now: their client knows only that something was not done."""
    if isinstance(failure, BrokerError) and not isinstance(failure, RefusedError):
        try:
            await reach(kafka)
        except BrokerError as reason:
            return BrokerError(f"{failure}; {reason}")
    return failure


async def _run_app(plan: Plan, app: WorkerApp, runtime: Runtime, stop: asyncio.Event) -> None:
    silence = Silence(app, runtime, topic=plan.topics.requests, after_s=plan.idle_timeout_s)
    lag = Lag(app, runtime, plan.metrics, plan.health)
    tasks = [
        asyncio.create_task(_guard(runtime, work))
        for work in (
            _start(app),
            silence.run(),
            lag.run(),
            runtime.inputs.watch(app),
            _watch_crash(app),
        )
    ]
    ends = [asyncio.create_task(event.wait()) for event in (stop, runtime.failed)]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping")
    # After a failure nothing is flushed or committed any more.
    patience_s = _STOP_TIMEOUT_S if runtime.failure is None else _CLOSE_TIMEOUT_S
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
    """Raise what made a part of Faust fail."""
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


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
