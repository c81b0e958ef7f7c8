"""Plays a log while ``intake.salt`` is replaced, as workers are given new settings one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.build import intake
from stream.pipeline.chain import Chain
from stream.settings import load
from stream.tools.simulate.population import Crowd, PlantedCampaigns
from stream.tools.simulate.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream.core.alerts import Alert
    from stream.pipeline.settings import StageSettings

HOUR_S = 3600.0
OLD, NEW = "the salt of old, long enough to be one", "the salt that comes after the old one"
#: What a worker has before, during and after the overlap.
BEFORE = {"intake_salt": OLD}
DURING = {"intake_salt": NEW, "intake_salt_previous": OLD}
AFTER = {"intake_salt": NEW}

_FAST = {
    "detection_min_requests": "10",
    "detection_warm_up_s": "3600",
    "detection_warm_up_accounts": "10",
    "detection_quarantine_s": "3600",
    "topics_partitions": "2",
}
SCENARIO = Scenario(
    id="rotation",
    crowd=Crowd(
        people=30,
        tool_users=10,
        staff=8,
        services=2,
        batches=0,
        evaluations=0,
        pipelines=0,
        migrations=0,
        tutoring=0,
    ),
    planted=PlantedCampaigns(pool=14, after_s=1.5 * HOUR_S),
    span_s=5 * HOUR_S,
)
START_S = SCENARIO.start_s


def stages(given: Mapping[str, str]) -> StageSettings:
    settings = {**_FAST, **given}
    return load(None, {f"DISTILLWATCH_{name.upper()}": v for name, v in settings.items()}).stages


def time_of(line: bytes) -> float:
    return float(msgspec.json.decode(line)["timestamp"])


class Deployment:
    """The pipeline with one intake for each source partition, as if each had a worker."""

    def __init__(self, *given: Mapping[str, str]) -> None:
        """Give each worker its settings."""
        self.metrics = Metrics()
        self.alerts: list[Alert] = []
        self.chain = Chain(
            stages(given[0]), source="t", metrics=self.metrics, partitions=len(given)
        )
        self._intakes = [self._intake(settings) for settings in given]
        self._offsets = [0 for _ in given]

    def give(self, worker: int, given: Mapping[str, str]) -> None:
        """Restart a worker with other settings."""
        clocks = self._intakes[worker]._clocks
        self._intakes[worker] = self._intake(given)
        self._intakes[worker]._clocks = clocks

    def play(self, lines: Sequence[bytes]) -> None:
        """Read lines in order, each worker its share of them."""
        workers = len(self._intakes)
        for first in range(0, len(lines), 16 * workers):
            part = lines[first : first + 16 * workers]
            for worker, intake_ in enumerate(self._intakes):
                own = part[worker::workers]
                if own:
                    at = self._offsets[worker]
                    self._offsets[worker] += len(own)
                    records = [Record(at + i, None, line) for i, line in enumerate(own)]
                    self.chain._intake = intake_
                    self.alerts += self.chain.process(
                        records, now_s=time_of(own[-1]), partition=worker
                    )

    def end(self) -> None:
        """Close all windows."""
        self.alerts += self.chain.finish()

    def _intake(self, given: Mapping[str, str]) -> Any:
        made = intake(stages(given), topic="t", metrics=self.metrics)
        made.on_topic_changed(self.chain._intake._sources, "")
        return made


def played(lines: Sequence[bytes], *plans: Sequence[tuple[float, Mapping[str, str]]]) -> Deployment:
    """Play a log; each worker's plan has when it is given which settings, the first from 0 on."""
    changes = [
        (time, worker, given) for worker, plan in enumerate(plans) for time, given in plan[1:]
    ]
    changes.sort(key=lambda change: change[:2])
    deployment = Deployment(*(plan[0][1] for plan in plans))
    times = [time_of(line) for line in lines]
    first = 0
    for time, worker, given in changes:
        last = next((i for i, at in enumerate(times) if at >= time), len(lines))
        deployment.play(lines[first:last])
        deployment.give(worker, given)
        first = last
    deployment.play(lines[first:])
    deployment.end()
    return deployment


def slow_pool(*, each_s: float, lasts_s: float) -> list[bytes]:
    """Return the scenario; of its pool one account after the other begins, and ends soon."""
    pool = {a.account_id for a in SCENARIO.accounts if a.attack}
    begun: dict[str, float] = {}
    events: list[tuple[float, bytes]] = []
    for line in SCENARIO.lines():
        event = msgspec.json.decode(line)
        name, time = event["account_id"], float(event["timestamp"])
        if name in pool:
            first = begun.setdefault(name, time)
            place = list(begun).index(name)
            if time - first > lasts_s:
                continue
            time = START_S + SCENARIO.planted.after_s + place * each_s + (time - first)
            event["timestamp"] = time
        events.append((time, msgspec.json.encode(event)))
    return [line for _, line in sorted(events)]
