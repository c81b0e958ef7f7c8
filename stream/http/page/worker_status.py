"""The state of this worker for the page, from its health and its metrics. Measures nothing."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prometheus_client import CollectorRegistry
    from prometheus_client.samples import Sample

    from stream.http.health import Probes

MAX_AGE_S: Final = 2.0
_PREFIX: Final = "distillwatch_"


class ReceiverStatus(msgspec.Struct, frozen=True):
    """A receiver of alerts."""

    name: str
    waiting: float
    delivered: float
    lost: float


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One worker at one moment; counts are since its start."""

    ready: bool
    ready_reason: str
    live: bool
    live_reason: str
    events: float
    rejected: float
    dead_letters: float
    accounts: float
    warming_up: float
    lag_records: float
    lag_s: float
    receivers: list[ReceiverStatus]


class WorkerStatusSampler:
    """Samples the status at most every two seconds, however often it is read."""

    def __init__(
        self,
        registry: CollectorRegistry,
        health: Probes,
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """``now`` is the clock of ``health``, too."""
        self._registry = registry
        self._health = health
        self._now = now
        self._taken_s = -math.inf
        self._latest: WorkerStatus | None = None

    def take(self) -> WorkerStatus:
        """Return the state of the worker."""
        now = self._now()
        if self._latest is None or now - self._taken_s >= MAX_AGE_S:
            self._latest, self._taken_s = self._measure(now), now
        return self._latest

    def _measure(self, now: float) -> WorkerStatus:
        figures = _Figures(self._registry)
        ready, ready_reason = self._health.ready()
        live, live_reason = self._health.live(now)
        return WorkerStatus(
            ready=ready,
            ready_reason=ready_reason,
            live=live,
            live_reason=live_reason,
            events=figures.sum("events_total"),
            rejected=figures.sum("events_total", result="rejected"),
            dead_letters=figures.sum("dead_letters_total"),
            accounts=figures.sum("accounts_tracked"),
            warming_up=figures.sum("accounts_warming_up"),
            lag_records=figures.sum("consumer_lag_records"),
            lag_s=max(figures.values("consumer_lag_seconds"), default=0.0),
            receivers=[
                ReceiverStatus(
                    name,
                    figures.sum("sink_queue_length", sink=name),
                    figures.sum("sink_deliveries_total", sink=name, result="delivered"),
                    sum(
                        figures.sum("sink_deliveries_total", sink=name, result=result)
                        for result in ("rejected", "timed_out", "failed")
                    ),
                )
                for name in figures.labels("sink_deliveries_total", "sink")
            ],
        )


class _Figures:
    """The samples of a registry at one moment, by name."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._samples: dict[str, list[Sample]] = {}
        for family in registry.collect():
            for sample in family.samples:
                self._samples.setdefault(sample.name, []).append(sample)

    def values(self, name: str, **labels: str) -> Iterable[float]:
        wanted = labels.items()
        return [
            sample.value
            for sample in self._samples.get(_PREFIX + name, ())
            if wanted <= sample.labels.items() and not math.isnan(sample.value)
        ]

    def sum(self, name: str, **labels: str) -> float:
        return sum(self.values(name, **labels))

    def labels(self, name: str, label: str) -> list[str]:
        found = self._samples.get(_PREFIX + name, ())
        return sorted({sample.labels[label] for sample in found})
