"""The ledger holds what events say, by day, country and model, however they are cut and read."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.egress import SMALLEST_GROUP
from stream.core.ledger import Amounts, LedgerDay, ledger_day_in
from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.chain import Chain
from stream.pipeline.egress_sums import account_bit
from stream.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.pipeline.settings import StageSettings

DAY_S = 86_400.0
START_S = 20_515 * DAY_S - 7200.0  # two hours before 2026-03-03
STAGES = Settings().stages

Event = dict[str, Any]

events = st.builds(
    lambda minute, account, country, model, tokens, status: {
        "timestamp": START_S + 60.0 * minute,
        "account_id": f"a{account}",
        "country": country,
        "model": model,
        "input_tokens": tokens[0],
        "output_tokens": tokens[1],
        "reasoning_tokens": tokens[1] // 2,
        "status": status,
    },
    st.integers(0, 300),
    st.integers(0, 15),
    st.sampled_from(["DE", "FR", "QQ", ""]),
    st.sampled_from(["gpt", "claude", "<b>m</b>", "x\u202e\x00y", "long" * 40]),
    st.tuples(st.integers(0, 10**6), st.integers(0, 2**31 - 1)),
    st.sampled_from([200, 404]),
)


def ledger(
    rows: Sequence[Event], *, cut: int = 7, tasks: int = 1, stages: StageSettings = STAGES
) -> dict[str, LedgerDay]:
    """Return the days of the ledger after these events, ``cut`` at a time."""
    chain = Chain(replace(stages, tasks=tasks), source="t", metrics=Metrics(strict=False))
    rows = sorted(rows, key=lambda event: event["timestamp"])
    # A day later one call closes everything.
    rows.append({"timestamp": START_S + 3 * DAY_S, "account_id": "z", "model": "m"})
    records = [Record(i, None, json.dumps(row).encode()) for i, row in enumerate(rows)]
    for first in range(0, len(records), cut):
        chain.process(records[first : first + cut], now_s=START_S + 4 * DAY_S)
    chain.finish()
    days = {}
    for key, value in chain.ledger.items():
        assert value is not None
        day = ledger_day_in(key, value)
        assert day is not None, value
        days[day.day] = day
    return days


def amounts(rows: Sequence[Event]) -> Amounts:
    names = ("input_tokens", "output_tokens", "reasoning_tokens")
    return Amounts(len(rows), *(sum(row[name] for row in rows) for name in names))


def expected(rows: Sequence[Event], group: dict[str, str]) -> tuple[dict[str, Amounts], Amounts]:
    """Return the groups of a day that are shown, and all others; ``group``: value -> name."""
    of: defaultdict[str, list[Event]] = defaultdict(list)
    for row in rows:
        of[group[row["value"]]].append(row)
    shown, other = {}, Amounts()
    for name, some in of.items():
        bits = {account_bit(row["account_id"]) for row in some}
        if not name or len(bits) >= SMALLEST_GROUP:
            shown[name] = amounts(some)
        else:
            other += amounts(some)
    return shown, other


COUNTRIES = {"DE": "DE", "FR": "FR", "QQ": "", "": ""}
MODELS = {
    "gpt": "gpt", "claude": "claude", "<b>m</b>": "<b>m</b>", "x\u202e\x00y": "x  y",
    "long" * 40: ("long" * 40)[:64], "": "",
}  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(st.lists(events, min_size=1, max_size=120), st.integers(1, 50), st.integers(1, 3))
def test_sums_are_those_of_the_events_however_they_are_cut(
    rows: list[Event], cut: int, tasks: int
) -> None:
    days = ledger(rows, cut=cut, tasks=tasks)
    for number, name in enumerate(("2026-03-02", "2026-03-03")):
        first = START_S + 7200.0 - DAY_S + number * DAY_S
        of_day = [row for row in rows if first <= row["timestamp"] < first + DAY_S]
        if not of_day:
            assert name not in days
            continue
        day = days[name]
        by_country = [row | {"value": row["country"]} for row in of_day]
        assert (day.countries, day.other_countries) == expected(by_country, COUNTRIES)
        answered = [row | {"value": row["model"] * (row["status"] < 400)} for row in of_day]
        assert (day.models, day.other_models) == expected(answered, MODELS)
        assert day.total == amounts(of_day)


def test_a_group_of_few_accounts_is_not_shown() -> None:
    def day(accounts: int) -> LedgerDay:
        rows = [
            {
                "timestamp": START_S + i,
                "account_id": f"a{i}",
                "model": "m",
                "country": "DE",
                "output_tokens": 5,
                "status": 200,
            }
            for i in range(accounts)
        ]
        return ledger(rows)["2026-03-02"]

    assert day(4).countries == {}
    assert day(4).other_countries == Amounts(4, 0, 20, 0)
    assert day(20).countries == {"DE": Amounts(20, 0, 100, 0)}
    assert b"DE" not in msgspec.json.encode(day(4))


def test_invented_names_of_models_push_out_none_that_answers() -> None:
    def call(account: int, model: str, status: int) -> Event:
        minute = 1 + account if status == 200 else 0
        return {
            "timestamp": START_S + 60 * minute,
            "account_id": f"a{account}",
            "model": model,
            "output_tokens": 10 * (status == 200),
            "status": status,
        }

    invented = [call(n % 9, f"invented-{n}", 404) for n in range(300)]
    real = [call(n, "real", 200) for n in range(20)]
    day = ledger([*invented, *real])["2026-03-02"]
    assert day.models == {"": Amounts(300), "real": Amounts(20, 0, 200, 0)}
    # Names that are all answered are bounded, and nothing of them is lost.
    many = [call(n % 40, f"m{n % 100:02}", 200) for n in range(4000)]
    day = ledger(many)["2026-03-02"]
    assert len(day.models) <= 65
    assert day.total == Amounts(4000, 0, 40_000, 0)


def test_a_day_is_deleted_when_it_is_old_enough() -> None:
    kept = replace(STAGES, alerting=msgspec.structs.replace(STAGES.alerting, ledger_days=2))
    chain = Chain(kept, source="t", metrics=Metrics(strict=False))
    for day in range(5):
        row = {"timestamp": START_S + day * DAY_S, "account_id": "a", "model": "m"}
        chain.process([Record(day, None, json.dumps(row).encode())], now_s=START_S + 9 * DAY_S)
    chain.finish()
    # The last day, of the sixth, is not over an hour old, so it was not written yet.
    assert {key.decode(): value is not None for key, value in chain.ledger.items()} == {
        "2026-03-02": False, "2026-03-03": False, "2026-03-04": True, "2026-03-05": True,
    }  # fmt: skip
