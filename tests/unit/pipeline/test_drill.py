"""A drill is found by the rules for any campaign, and nobody else notices it."""

from dataclasses import replace

import msgspec
import pytest
from prometheus_client import generate_latest

from stream.drill.campaign import Campaign
from stream.metrics import Metrics
from stream.pipeline.chain import Chain
from stream.settings import Settings
from stream.simulate.population import Crowd, Planted
from stream.simulate.scenario import Scenario
from stream.types.drill import HEADER
from stream.types.records import Record

SALT = b"the operator's salt"
BASE = Settings(
    detection=msgspec.structs.replace(
        Settings().detection, warm_up_s=3600.0, warm_up_accounts=20, quarantine_s=3600.0
    ),
    intake=msgspec.convert(
        {"salt": SALT.decode()},
        type(Settings().intake),
        dec_hook=lambda kind, value: kind(value),
    ),
).stages
TWO_LANES = replace(BASE, lanes=2)
SCENARIO = Scenario(
    id="drill",
    crowd=Crowd(
        people=30,
        tool_users=10,
        staff=8,
        services=4,
        batches=0,
        evaluations=0,
        pipelines=0,
        migrations=0,
        tutoring=0,
    ),
    planted=Planted(pool=20, after_s=2 * 3600.0),
    span_s=4 * 3600.0,
)
PART = 64
#: What counts work done, drills included, and nothing that was found or learnt.
OF_WORK = ("stage_seconds", "drill_alerts_total", "created", "steps_closed_total")


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return list(SCENARIO.lines())


def time_of(line: bytes) -> float:
    return float(msgspec.json.decode(line)["timestamp"])


class Run:
    """The scenario, with a drill in between from ``begin_s`` on if there is one."""

    def __init__(self, lines, drill=None, *, begin_s=0.0, rounds=40, ahead_s=0.0) -> None:
        self.metrics = Metrics()
        self.chain = Chain(TWO_LANES, source="t", metrics=self.metrics, partitions=2)
        self.rows: dict[str, dict[bytes, bytes]] = {}
        self.alerts, self.drills = [], []
        for at, first in enumerate(range(0, len(lines), PART)):
            part = lines[first : first + PART]
            records = [Record(2 * first + i, None, line) for i, line in enumerate(part)]
            now_s = time_of(part[-1])
            if drill is not None and now_s >= begin_s and rounds > 0:
                rounds -= 1
                marked = [
                    Record(2 * first + PART + i, None, value, dict(headers)[HEADER])
                    for i, (value, headers) in enumerate(drill.round(now_s + ahead_s))
                ]
                records = sorted([*records, *marked], key=lambda r: (r.offset % 7, r.offset))
                records = [r._replace(offset=2 * first + i) for i, r in enumerate(records)]
            self._hear(self.chain.process(records, now_s=now_s, partition=at % 2))
            if at % 50 == 0:
                self._flush()
        self._hear(self.chain.finish())
        self._flush()

    def _hear(self, alerts) -> None:
        self.alerts += [alert for alert in alerts if not alert.drill]
        self.drills += [alert for alert in alerts if alert.drill]

    def _flush(self) -> None:
        for role, lanes in self.chain._lanes.items():
            for number, lane in enumerate(lanes):
                rows = self.rows.setdefault(f"{role} {number}", {})
                for key, value in lane.take_changes():
                    rows.pop(key, None) if value is None else rows.update({key: value})

    @property
    def figures(self) -> list[str]:
        text = generate_latest(self.metrics.registry).decode().splitlines()
        return [line for line in text if not any(name in line for name in OF_WORK)]


def campaign(name: str = "a1b2", accounts: int = 24, salt: bytes = SALT) -> Campaign:
    return Campaign(name, accounts, salt=salt, started_s=time_of(next(iter(SCENARIO.lines()))))


@pytest.fixture(scope="module")
def without(lines) -> Run:
    return Run(lines)


@pytest.fixture(scope="module")
def drilled(lines) -> Run:
    return Run(lines, campaign(), begin_s=time_of(lines[0]) + 2 * 3600)


def test_a_drill_is_found_and_says_that_it_is_one(drilled) -> None:
    first, *_ = drilled.drills
    assert (first.kind, first.status, first.severity) == ("campaign", "firing", "info")
    assert first.account_ids == campaign().accounts
    assert first.summary.startswith("Drill")
    assert first.runbook_url.endswith("#drill")
    assert {alert.alert_id for alert in drilled.drills} == {first.alert_id}
    assert drilled.drills[-1].status == "resolved"


def test_the_run_is_worth_the_name(without) -> None:
    assert any(alert.kind == "campaign" for alert in without.alerts)
    assert all(without.rows.values())
    assert sum(map(len, without.rows.values())) > 1000


def assert_nobody_noticed(drilled: Run, without: Run) -> None:
    assert drilled.alerts == without.alerts
    assert drilled.rows == without.rows
    assert drilled.figures == without.figures


def test_nobody_else_notices_a_drill(drilled, without) -> None:
    assert_nobody_noticed(drilled, without)
    assert not any(b"drill" in key for rows in drilled.rows.values() for key in rows)
