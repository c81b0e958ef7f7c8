"""Runs the enforcer until a signal stops it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import secrets
import signal
import socket
import sys
import time
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final, Protocol

from stream.decisions.signature import EFFECTS, Signer
from stream.decisions.tallies import Tallies
from stream.delivery.time_source import Clock
from stream.enforcement.admin.admin_loops import AdminLoops
from stream.enforcement.admin.gateways import gateway_of
from stream.enforcement.admin.reconciler import Reconciler
from stream.enforcement.decision_feed import NAME, DecisionFeed
from stream.enforcement.decision_writer import DecisionWriter
from stream.enforcement.effect_writer import EffectWriter
from stream.http.bearer import Bearer
from stream.http.enforcer.carrying_out import CarryingOut
from stream.http.enforcer.enforcer_server import EnforcerServer
from stream.http.enforcer.metrics import EnforcerMetrics
from stream.http.health import Health
from stream.http.pages import Pages
from stream.kafka.connection import client_options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.core.decisions import Decision
    from stream.decisions.in_force import InForce
    from stream.decisions.settings import DecisionSettings
    from stream.enforcement.admin.settings import AdminSettings
    from stream.http.enforcer.settings import EnforcerSettings
    from stream.http.settings import HttpSettings
    from stream.kafka.settings import KafkaSettings, TopicSettings

_EVERY_S: Final = 1.0
#: How long a thread that makes a table of decisions may keep an answer waiting; Python's default
#: is 5 ms, and an answer waits for it several times.
_SWITCH_S: Final = 0.0002
#: New objects until Python looks for cycles among them; its default is 700.
_YOUNG_OBJECTS: Final = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EnforcerComponents:
    """The settings that an enforcer is built from."""

    enforcer: EnforcerSettings
    admin: AdminSettings
    decisions: DecisionSettings
    kafka: KafkaSettings
    topics: TopicSettings
    http: HttpSettings


class _Part(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None: ...


def run(
    components: EnforcerComponents, new_event_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Run until SIGTERM or SIGINT. An unreachable broker is no reason to end: it is retried."""
    Bearer(components.enforcer.tokens, setting="enforcer.tokens")  # fails early on invalid tokens
    sys.setswitchinterval(_SWITCH_S)
    gc.set_threshold(_YOUNG_OBJECTS)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(components))


async def _serve(components: EnforcerComponents) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    metrics = EnforcerMetrics()
    health = Health(stalled_after_s=components.http.stalled_after_s)
    connection = client_options(components.kafka)
    observing = components.decisions.mode == "observe"
    tallies = Tallies(
        enforcer=components.enforcer.name or socket.gethostname(),
        run=secrets.token_hex(8),
        most=components.decisions.max_effects,
    )

    def renewed(in_force: InForce, new: Sequence[Decision]) -> None:
        tallies.hold(new, time.time(), observing=observing)
        tallies.forget(in_force.decisions.keys())

    feed = DecisionFeed(
        components.decisions,
        topic=components.topics.decisions,
        connection=connection,
        exact=components.kafka.transactions,
        metrics=metrics,
        renewed=renewed,
    )
    effects = EffectWriter(
        tallies,
        DecisionWriter(
            connection,
            topic=components.topics.effects,
            signer=Signer(components.decisions.key, EFFECTS),
        ),
        every_s=components.enforcer.report_s,
        failures=metrics.sink_broker_failures_total.labels(sink=NAME),
    )
    carrying_out = CarryingOut(components.enforcer, feed, observing=observing, clock=time.time)
    server = EnforcerServer(
        components.enforcer,
        feed=feed,
        carrying_out=carrying_out,
        tallies=tallies,
        metrics=metrics,
    )
    pages = Pages(components.http, registry=metrics.registry, health=health)
    async with contextlib.AsyncExitStack() as cleanup:
        parts: list[_Part] = [pages, effects, feed, server]
        parts += _reconcilers(components, feed, carrying_out, metrics)
        for part in parts:
            await part.start()
            cleanup.push_async_callback(part.stop)
        while not stop.is_set():
            _show(feed, metrics, health)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_S):
                    await stop.wait()


def _reconcilers(
    components: EnforcerComponents,
    feed: DecisionFeed,
    carrying_out: CarryingOut,
    metrics: EnforcerMetrics,
) -> list[AdminLoops]:
    """Return what carries decisions out through a gateway's admin API, empty without one."""
    gateway = gateway_of(components.admin, components.decisions)
    if gateway is None:
        return []
    reconciler = Reconciler(
        components.admin,
        gateway,
        feed=feed,
        defaults=carrying_out.defaults,
        observing=carrying_out.observing,
        metrics=metrics,
        clock=Clock(),
        random=Random(),
    )
    return [AdminLoops(components.admin, reconciler, Random())]


def _show(feed: DecisionFeed, metrics: EnforcerMetrics, health: Health) -> None:
    """Show the state; ready from the first time on that the topic has been read."""
    metrics.enforcer_decisions.set(len(feed.in_force.by_subject))
    metrics.enforcer_age_seconds.set(feed.age_s)
    if feed.read_at_s and not health.recovered:
        gc.freeze()  # decisions are no cycles: not to be looked at again
        health.recovered = health.consuming = True
