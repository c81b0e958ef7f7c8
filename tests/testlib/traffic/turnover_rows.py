"""Turnovers of accounts as the accounts stage reports them, played to clusters and incidents."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from stream.alerting.settings import AlertingSettings
from stream.campaigns.settings import CampaignSettings
from stream.core.events import CONTENT_DIMENSIONS
from stream.core.findings import Turnover
from stream.core.traffic import TRAFFIC
from stream.metrics import Metrics
from stream.pipeline.incident_flow import IncidentFlow
from testlib.traffic.link_traffic import HOUR_S, START_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.core.alerts import Alert
    from stream.core.findings import Group

#: Before this hour of a log a first request means nothing.
KNOWN_H = 25.0
_STEP_S = 900.0

Mix = tuple[float, ...]


@dataclass(frozen=True)
class Life:
    """An account from its first to its last request, in hours of the log; None: it goes on."""

    name: str
    mix: Mix
    begins_h: float = 0.0
    ends_h: float | None = None
    returns_h: float | None = None  # it comes back after a silence
    per_hour: float = 20.0
    organization: int = 0
    output_tokens: int = 400

    def rows(self, rng: np.random.Generator) -> Iterator[Turnover]:
        """Yield what is reported about it in a log of four days."""
        first = START_S + self.begins_h * HOUR_S
        last = START_S + (96 if self.ends_h is None else self.ends_h) * HOUR_S
        known = max(HOUR_S, 30 / self.per_hour * HOUR_S)
        for time in np.arange(_up(first + known), last, HOUR_S).tolist():
            yield self._row(rng, time, time, None)
        if self.ends_h is not None and last - first > known:
            noticed = _up(last + max(HOUR_S, 20 / self.per_hour * HOUR_S))
            yield self._row(rng, noticed, last, last)
        if self.returns_h is not None:
            back = START_S + self.returns_h * HOUR_S
            yield self._row(rng, _up(back), back, None)

    def _row(
        self, rng: np.random.Generator, time: float, seen: float, silent: float | None
    ) -> Turnover:
        first = START_S + self.begins_h * HOUR_S
        requests = max(int((seen - first) / HOUR_S * self.per_hour), 30)
        traffic = np.zeros(1, TRAFFIC)
        traffic["since"], traffic["seen"] = first, time
        total = (requests, 200 * requests, self.output_tokens * requests, 0)
        traffic["total"] = np.array([total], traffic["total"].dtype)
        prompts = min(requests, 250)
        mean = np.array(self.mix)
        noise = np.sqrt((1 - np.square(mean).sum()) / len(mean) / prompts)
        content = mean + noise * rng.normal(size=len(mean))
        hours = min(int((seen - first) / HOUR_S) + 1, 24)
        return Turnover(
            account_id=self.name,
            time=time,
            silent_since=silent,
            organization=self.organization,
            created_at=None,
            first_seen=first,
            day_requests=self.per_hour * hours,
            active_hours=hours,
            traffic=traffic.tobytes(),
            prompts=float(prompts),
            content=content.astype("<f4").tobytes(),
        )


def mix(rng: np.random.Generator, length: float = 0.6) -> Mix:
    """Return the mean content of one customer's prompts."""
    drawn = rng.normal(size=CONTENT_DIMENSIONS)
    return tuple((length * drawn / np.linalg.norm(drawn)).tolist())


def standing(rng: np.random.Generator, count: int) -> list[Life]:
    """Return unrelated accounts; one in eight leaves one day, and one in eight comes."""
    found = []
    for i in range(count):
        life = Life(
            f"other-{i}",
            mix(rng),
            per_hour=float(12 * rng.lognormal(0, 0.9)),
            output_tokens=int(400 * rng.lognormal(0, 0.7)),
        )
        if i % 8 == 0:
            life = replace(life, ends_h=float(rng.uniform(KNOWN_H, 80)))
        elif i % 8 == 1:
            life = replace(life, begins_h=float(rng.uniform(KNOWN_H, 80)))
        found.append(life)
    return found


def handed_over(
    life: Life, at_h: Sequence[float], gaps_h: Sequence[float], names: str = "-{}"
) -> list[Life]:
    """Return an account and its successors, each beginning a gap after the other's end."""
    found = [life]
    for number, (end, gap) in enumerate(zip(at_h, gaps_h, strict=True), 1):
        found[-1] = replace(found[-1], ends_h=end)
        name = life.name + names.format(number)
        found.append(replace(life, name=name, begins_h=end + gap))
    return found


@dataclass
class Stage:
    """Clusters and incidents that get turnovers alone."""

    flow: IncidentFlow = field(
        default_factory=lambda: IncidentFlow(
            AlertingSettings(), CampaignSettings(score_every_s=4 * _STEP_S), metrics=Metrics()
        )
    )
    alerts: list[Alert] = field(default_factory=list)

    def play(
        self, lives: Sequence[Life], *, until_h: float, since_h: float = 0, seed: int = 1
    ) -> None:
        """Play the turnovers from ``since_h`` to ``until_h`` of the log."""
        rng = np.random.default_rng(seed)
        steps = defaultdict(list)
        for row in (row for life in lives for row in life.rows(rng)):
            steps[_up(row.time)].append(row)
        begin, end = START_S + since_h * HOUR_S, START_S + until_h * HOUR_S
        for time in np.arange(begin + _STEP_S, end + 1, _STEP_S).tolist():
            some = sorted(steps[time], key=lambda row: row.account_id)
            self.alerts += self.flow.step(time, [], [], some)
        assert msgspec.json.encode(self.alerts)  # as they are sent

    def add(self, groups: list[Group], *, hour: float) -> None:
        """Take in groups of accounts that share something."""
        self.alerts += self.flow.step(START_S + hour * HOUR_S, [], groups)


def _up(time: float) -> float:
    """Return the next moment at which the accounts stage looks."""
    return float(np.ceil(time / _STEP_S) * _STEP_S)
