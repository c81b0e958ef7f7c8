"""Runs a worker of several processes until it is stopped or fails."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import ClientSession, TCPConnector
from prometheus_client import CollectorRegistry

from stream.http.page.worker_status import WorkerStatusSampler
from stream.http.pages import Pages
from stream.telemetry.process import register_process
from stream.telemetry.snapshot import take
from stream.telemetry.totals import Totals
from stream.worker.supervisor.front import Front
from stream.worker.supervisor.metrics import SupervisorMetrics
from stream.worker.supervisor.process_group import ProcessGroup
from stream.worker.supervisor.supervisor import RESTARTS, RestartPolicy, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stream.http.settings import HttpSettings
    from stream.telemetry.declaration import Combine

log = logging.getLogger(__name__)

#: A process that is killed has counted this much unseen, at most: the sums lack it.
SCRAPE_EVERY_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorComponents:
    """What a supervisor needs.

    ``command`` runs a process, by its number and the socket that it has to listen on; ``combine``
    has the metrics that do not add up; ``silent_after_s``: a process that answers nothing
    for this long is not alive; ``page``: processes serve the page.
    """

    count: int
    command: Callable[[int, int], Sequence[str]]
    http: HttpSettings
    combine: Mapping[str, Combine]
    silent_after_s: float
    page: bool
    policy: RestartPolicy = RESTARTS


def run(components: SupervisorComponents) -> None:
    """Run until SIGTERM or SIGINT; raises ProcessError, or SettingsError for http.port."""
    asyncio.run(serve(components))


async def serve(components: SupervisorComponents, stop: asyncio.Event | None = None) -> None:
    """Run on the running loop until ``stop`` is set, or a signal comes (None)."""
    metrics = SupervisorMetrics(strict=False)
    register_process(metrics.registry)
    registry = CollectorRegistry()
    async with contextlib.AsyncExitStack() as cleanup:
        # A process closes each connection; there is no bound to wait for.
        session = ClientSession(connector=TCPConnector(limit=0, force_close=True))
        await cleanup.enter_async_context(session)
        group = ProcessGroup(components.count, session, silent_after_s=components.silent_after_s)
        totals = Totals(components.combine, lambda: group.snapshots() | {0: take(metrics.registry)})
        registry.register(totals)
        front = Front(group, session, WorkerStatusSampler(registry, group), page=components.page)
        pages = Pages(components.http, registry=registry, health=group, more=front.answer)
        await pages.start()
        cleanup.push_async_callback(pages.stop)
        scraping = asyncio.create_task(_scrape(group))
        cleanup.callback(scraping.cancel)
        supervisor = Supervisor(
            components.count, components.command, group, totals, metrics, components.policy
        )
        log.info("%d processes", components.count)
        await supervisor.run(stop or _stop_by_signal())


async def _scrape(group: ProcessGroup) -> None:
    while True:
        await asyncio.sleep(SCRAPE_EVERY_S)
        await group.scrape()


def _stop_by_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
