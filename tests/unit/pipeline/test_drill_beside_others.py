"""A drill is found by the rules for any campaign, and nobody else notices it."""

from dataclasses import replace
from zlib import crc32

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest

from stream.core.drill import signature_of
from stream.core.records import Record
from stream.intake.fingerprint.drill_signature import DrillSigner
from stream.intake.metrics import REJECT_REASONS
from stream.metrics import Metrics
from stream.pipeline.chain import Chain
from stream.pipeline.drill_decoder import DrillDecoder
from stream.settings import Settings
from stream.tools.drill.campaign import LEAST_ACCOUNTS, Campaign
from stream.tools.simulate.population import Crowd, PlantedCampaigns
from stream.tools.simulate.scenario import Scenario

SALT = b"the operator's salt"
BASE = Settings(
    detection=msgspec.structs.replace(
        Settings().detection,
        min_requests=5,
        warm_up_s=3600.0,
        warm_up_accounts=10,
        quarantine_s=3600.0,
    ),
    intake=msgspec.convert(
        {"salt": SALT.decode()},
        type(Settings().intake),
        dec_hook=lambda kind, value: kind(value),
    ),
).stages
TWO_TASKS = replace(BASE, tasks=2)
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
    planted=PlantedCampaigns(pool=20, after_s=2 * 3600.0),
    span_s=4 * 3600.0,
)
PART = 16
#: The gateway's log comes so late.
LATE_S = 3600.0
START_S = SCENARIO.start_s
#: What counts work done, drills included, and nothing that was found or learnt.
OF_WORK = ("stage_seconds", "drill_alerts_total", "created", "windows_closed_total")


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return list(SCENARIO.lines())


def time_of(line: bytes) -> float:
    return float(msgspec.json.decode(line)["timestamp"])


class Run:
    """The scenario, with a drill in between from ``begin_s`` on if there is one."""

    def __init__(self, lines, drill=None, *, begin_s=0.0, rounds=20, ahead_s=0.0) -> None:
        self.metrics = Metrics()
        self.chain = Chain(TWO_TASKS, source="t", metrics=self.metrics, partitions=2)
        self.rows: dict[str, dict[bytes, bytes]] = {}
        self.alerts, self.drills = [], []
        for at, first in enumerate(range(0, len(lines), PART)):
            part = lines[first : first + PART]
            records = [Record(2 * first + i, None, line) for i, line in enumerate(part)]
            now_s = time_of(part[-1])
            if drill is not None and now_s >= begin_s and rounds > 0:
                rounds -= 1
                own = drill_records(drill, now_s + ahead_s, 2 * first)
                # Shuffled, as they may come.
                records = sorted([*records, *own], key=lambda record: crc32(record.value))
                records = [
                    msgspec.structs.replace(r, offset=2 * first + i) for i, r in enumerate(records)
                ]
            self._hear(self.chain.process(records, now_s=now_s + LATE_S, partition=at % 2))
            if at % 50 == 0:
                self._flush()
        self._hear(self.chain.finish())
        self._flush()

    def _hear(self, alerts) -> None:
        self.alerts += [alert for alert in alerts if not alert.drill]
        self.drills += [alert for alert in alerts if alert.drill]

    def _flush(self) -> None:
        for role, tasks in self.chain._tasks.items():
            for number, task in enumerate(tasks):
                rows = self.rows.setdefault(f"{role} {number}", {})
                for key, value in task.take_changes():
                    rows.pop(key, None) if value is None else rows.update({key: value})

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"distillwatch_{name}", labels) or 0.0

    @property
    def figures(self) -> list[str]:
        text = generate_latest(self.metrics.registry).decode().splitlines()
        return [line for line in text if not any(name in line for name in OF_WORK)]


def campaign(name: str = "a1b2", accounts: int = 24, salt: bytes = SALT) -> Campaign:
    return Campaign(name, accounts, salt=salt, started_s=START_S)


def request(account: str, time_s: float) -> bytes:
    return msgspec.json.encode({"timestamp": time_s, "account_id": account, "model": "m"})


def drill_records(drill: Campaign, now_s: float, offset: int) -> list[Record]:
    """Return one request of each account of a drill as intake gets them."""
    return [
        Record(offset + i, None, value, signature_of(headers))
        for i, (value, headers) in enumerate(drill.round(now_s))
    ]


def assert_nobody_noticed(drilled: Run, without: Run) -> None:
    assert drilled.alerts == without.alerts
    assert drilled.rows == without.rows
    assert drilled.figures == without.figures


@pytest.fixture(scope="module")
def without(lines) -> Run:
    return Run(lines)


@pytest.fixture(scope="module")
def drilled(lines) -> Run:
    return Run(lines, campaign(), begin_s=START_S + 3600)


def test_a_drill_is_found_and_says_that_it_is_one(drilled) -> None:
    first, *_ = drilled.drills
    assert (first.kind, first.status, first.severity) == ("campaign", "firing", "info")
    assert first.account_ids == campaign().accounts
    assert first.summary.startswith("Drill")
    assert first.runbook_url.endswith("#drill")
    assert {alert.alert_id for alert in drilled.drills} == {first.alert_id}
    assert drilled.drills[-1].status == "resolved"
    assert drilled.count("drill_alerts_total", status="firing") >= 1
    assert drilled.count("drill_alerts_total", status="resolved") == 1


def test_the_run_is_worth_the_name(without) -> None:
    assert any(alert.kind == "campaign" for alert in without.alerts)
    assert without.count("alerts_total", kind="campaign", severity="warning") > 0
    assert without.count("score_count", kind="account") > 0
    assert sum(map(len, without.rows.values())) > 1000


def test_nobody_else_notices_a_drill(drilled, without) -> None:
    assert_nobody_noticed(drilled, without)
    assert not any(b"drill" in key for rows in drilled.rows.values() for key in rows)


def test_nobody_is_late_by_a_drill_whose_clock_is_ahead(lines, without) -> None:
    """It carries the time of now, and begins before there is any traffic."""
    drilled = Run(lines, campaign("c3d4"), begin_s=0.0, rounds=20, ahead_s=LATE_S)
    assert drilled.drills
    assert_nobody_noticed(drilled, without)


def test_a_drill_leaves_nothing_in_memory(drilled) -> None:
    for role in ("events", "links"):
        for task in drilled.chain._tasks[role]:
            assert task._stage._drill._state is None
    (alerting,) = drilled.chain._tasks["findings"]
    assert alerting._stage._drills._flows == {}


@pytest.mark.parametrize("accounts", [LEAST_ACCOUNTS, 24])
def test_a_drill_is_found_at_the_first_judging_in_whatever_size(accounts) -> None:
    drill = campaign(accounts=accounts)
    chain = Chain(BASE, source="t", metrics=Metrics())
    began_s, alerts, offset = START_S + 7.0, [], 0
    while not alerts:
        now_s = began_s + 5.0 * offset / (accounts + 1)
        assert now_s < began_s + BASE.campaigns.score_every_s + 2 * BASE.windows.window_s
        records = [Record(offset, None, request("somebody", now_s))]
        records += drill_records(drill, now_s, offset + 1)
        alerts = chain.process(records, now_s=now_s)
        offset += len(records)
    assert alerts[0].account_ids == drill.accounts


# -- signatures ------------------------------------------------------------------------------------


def fed(*records: Record) -> Chain:
    """Return a chain with these records, and with traffic that closes their windows."""
    chain = Chain(BASE, source="t", metrics=Metrics())
    later = Record(10_000, None, request("later", START_S + 4000))
    assert chain.process([*records, later], now_s=START_S + 4000) == []
    return chain


def test_a_record_with_a_forged_signature_is_a_dead_letter_and_nothing_else() -> None:
    forged = drill_records(campaign(salt=b"another salt"), START_S, 0)
    chain = fed(*forged)
    assert chain.dead_letters == {"bad_signature": len(forged)}
    assert chain._intake._invalid.share == 0  # who drills with a wrong salt stops no worker


def test_a_signature_is_valid_for_its_own_record_only() -> None:
    one, other, *_ = drill_records(campaign(), START_S, 0)
    assert fed(msgspec.structs.replace(one, value=other.value)).dead_letters == {"bad_signature": 1}
    assert fed(msgspec.structs.replace(one, drill_signature=b"")).dead_letters == {
        "bad_signature": 1
    }
    assert fed(one).dead_letters == {}


def test_a_drill_record_with_another_account_is_a_dead_letter() -> None:
    value = request("a-customer", START_S)
    record = Record(0, None, value, DrillSigner(SALT).signature(value))
    assert fed(record).dead_letters == {"bad_signature": 1}


def test_without_its_signature_a_drills_record_is_refused_as_in_older_versions() -> None:
    one, *_ = drill_records(campaign(), START_S, 0)
    assert fed(msgspec.structs.replace(one, drill_signature=None)).dead_letters == {
        "out_of_range": 1
    }


@given(value=st.binary(max_size=200), signature=st.binary(max_size=80), right=st.booleans())
def test_a_signed_record_is_an_event_of_a_drill_or_a_dead_letter(value, signature, right) -> None:
    decoder = DrillDecoder(BASE.intake)
    signature = DrillSigner(SALT).signature(value) if right else signature
    found = decoder.decode([Record(0, None, value, signature)], now_s=START_S)
    assert not found.events
    assert {reject.reason for reject in found.rejects} <= set(REJECT_REASONS)
    assert len(found.rejects) == 1
