"""Whoever invents account ids or prompts costs little and pushes nobody out."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from stream.settings import Settings
from testlib.traffic.floods import DAY_S, HOUR_S, START, Stages, batch, fresh_ids, residents

RESIDENTS = [f"resident-{i:04}" for i in range(600)]
MAX_ACCOUNTS = 1000
SETTINGS = replace(
    Settings().stages,
    tasks=1,
    windows=msgspec.structs.replace(Settings().windows, max_accounts=MAX_ACCOUNTS),
)


@pytest.fixture
def stages() -> Stages:
    """Light accounts, three requests a day, have been known for three days."""
    stages = Stages(SETTINGS)
    for rows in residents(RESIDENTS, 3, np.random.default_rng(1)):
        stages.feed(rows)
    assert stages.known(RESIDENTS) == RESIDENTS
    return stages


def test_fresh_ids_push_no_known_account_out_and_are_counted(stages: Stages) -> None:
    for rows in fresh_ids(20_000, per_step=3000, start=START + 3 * DAY_S):
        stages.feed(rows)
    stages.feed(batch(["late"], np.array([START + 3.5 * DAY_S])))
    assert stages.known(RESIDENTS) == RESIDENTS
    tracked = stages.total("accounts_tracked")
    assert tracked <= MAX_ACCOUNTS
    assert stages.total("accounts_evicted_total") == len(RESIDENTS) + 20_000 - tracked


def test_ids_that_come_back_an_hour_later_do_not_outlast_accounts_of_several_days(
    stages: Stages,
) -> None:
    for hour in range(24):
        # As many as newcomers have room for, so that all of them become settled.
        names = [f"flood-{hour // 2}-{i}" for i in range(200)]
        times = START + 3 * DAY_S + 1.1 * HOUR_S * hour + np.linspace(0, 50, len(names))
        stages.feed(batch(names, times, output_tokens=1))
    assert stages.total("accounts_evicted_total") > 1000
    assert stages.known(RESIDENTS) == RESIDENTS


def test_a_newcomer_becomes_settled_while_a_flood_of_its_own_size_goes_on(stages: Stages) -> None:
    start = START + 3 * DAY_S
    for hour in range(3):
        stages.feed(batch(["newcomer"], np.array([start + HOUR_S * hour])))
        flood = [f"flood-{hour}-{i}" for i in range(200)]
        stages.feed(batch(flood, start + HOUR_S * hour + np.linspace(60, 110, 200)))
    assert stages.known(["newcomer"]) == ["newcomer"]
