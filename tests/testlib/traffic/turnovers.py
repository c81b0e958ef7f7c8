"""Logs of accounts that fall silent while others begin, through the whole pipeline.

Everybody writes about topics of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.chain import Chain
from stream.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.core.alerts import Alert

HOUR_S = 3600.0
DAY_S = 86_400.0
START_S = 1_772_409_600.0
#: Before it, a first request means nothing.
KNOWN_H = 26.0
_WORDS = tuple(f"w{i:03}" for i in range(600))
_WINDOW_S = 600.0


@dataclass(frozen=True)
class Caller:
    """An account that asks ``per_day`` times, about its topics, while it lasts."""

    name: str
    per_day: float
    topics: tuple[tuple[str, ...], ...]
    begins_h: float = 0.0  # hours of the log
    ends_h: float = math.inf
    pauses: tuple[tuple[float, float], ...] = ()  # from hour to hour of the log
    hours: tuple[int, int] = (0, 24)
    organization: str = ""
    answer: float = 300.0

    def times(self, rng: np.random.Generator, span_h: float) -> np.ndarray:
        """Return the times of its requests, epoch seconds."""
        first, last = self.hours
        share = ((last - first) % 24 or 24) / 24
        count = rng.poisson(self.per_day / share * span_h / 24)
        at_h = np.sort(rng.uniform(0, span_h, count))
        hour = at_h % 24
        awake = (hour - first) % 24 < ((last - first) % 24 or 24)
        awake &= (at_h >= self.begins_h) & (at_h < self.ends_h)
        for begin, end in self.pauses:
            awake &= ~((at_h >= begin) & (at_h < end))
        return START_S + at_h[awake] * HOUR_S

    def lines(self, rng: np.random.Generator, span_h: float) -> Iterable[tuple[float, bytes]]:
        """Yield its requests as canonical events, with their times."""
        for time in self.times(rng, span_h).tolist():
            topic = self.topics[rng.integers(len(self.topics))]
            event = {
                "timestamp": round(time, 3),
                "account_id": self.name,
                "model": "m",
                "prompt": " ".join(topic[i] for i in rng.integers(len(topic), size=12)),
                "input_tokens": int(60 * rng.lognormal(0, 0.5)),
                "output_tokens": int(self.answer * rng.lognormal(0, 0.7)),
            }
            if self.organization:
                event["organization_id"] = self.organization
            yield time, msgspec.json.encode(event)


def topic(rng: np.random.Generator) -> tuple[str, ...]:
    """Return what one person writes about."""
    return tuple(_WORDS[i] for i in rng.integers(len(_WORDS), size=25))


def crowd(rng: np.random.Generator, count: int) -> list[Caller]:
    """Return unrelated people with days of their own; one in ten leaves, one in ten comes."""
    found = []
    for i in range(count):
        begins = int(rng.integers(24))
        caller = Caller(
            name=f"person-{i}",
            per_day=float(60 * rng.lognormal(0, 0.8)),
            topics=tuple(topic(rng) for _ in range(3)),
            hours=(begins, (begins + 14) % 24),
            answer=float(300 * rng.lognormal(0, 0.6)),
        )
        if i % 10 == 0:
            caller = replace(caller, ends_h=float(rng.uniform(KNOWN_H, 70)))
        elif i % 10 == 1:
            caller = replace(caller, begins_h=float(rng.uniform(KNOWN_H, 70)))
        found.append(caller)
    return found


def played(
    callers: Sequence[Caller], *, span_h: float, tasks: int = 1, batch: int = 4096, seed: int = 1
) -> list[Alert]:
    """Return the alerts of a log of ``span_h`` hours, read in batches."""
    rng = np.random.default_rng(seed)
    events = sorted(event for caller in callers for event in caller.lines(rng, span_h))
    stages = replace(Settings().stages, tasks=tasks)
    # Longer windows than the default: a log of days within seconds.
    windows = msgspec.structs.replace(stages.windows, window_s=_WINDOW_S)
    campaigns = msgspec.structs.replace(stages.campaigns, score_every_s=3 * _WINDOW_S)
    stages = replace(stages, windows=windows, campaigns=campaigns)
    chain = Chain(stages, source="t", metrics=Metrics())
    alerts: list[Alert] = []
    for first in range(0, len(events), batch):
        part = events[first : first + batch]
        records = [Record(first + i, None, line) for i, (_, line) in enumerate(part)]
        alerts += chain.process(records, now_s=2e9)
    return [*alerts, *chain.finish()]
