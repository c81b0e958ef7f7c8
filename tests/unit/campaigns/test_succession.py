"""Successions: who takes over, by what chance, and what is remembered of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from stream.campaigns.clusters.detector import ClusterDetector
from stream.campaigns.settings import CampaignSettings
from stream.campaigns.succession import known_accounts
from stream.campaigns.succession.chance import Chance
from stream.campaigns.succession.known_accounts import KnownAccounts
from stream.campaigns.succession.successions import Successions
from stream.metrics import Metrics
from testlib.durable import changes, restore
from testlib.traffic.link_traffic import DAY_S, HOUR_S, START_S
from testlib.traffic.turnover_rows import Life, mix, standing

if TYPE_CHECKING:
    from stream.core.findings import Turnover

Rng = np.random.Generator
NOW = START_S + 60 * HOUR_S


@pytest.fixture
def rng() -> Rng:
    return np.random.default_rng(5)


def rows(lives: list[Life], until: float = NOW, seed: int = 2) -> list[Turnover]:
    """Return the turnovers by a time, the latest of each account last."""
    rng = np.random.default_rng(seed)
    found = [row for life in lives for row in life.rows(rng) if row.time <= until]
    return sorted(found, key=lambda row: (row.time, row.account_id))


def wave(rng: Rng, count: int, *, gap_h: float = 0.4) -> list[Life]:
    """Return accounts of one mix that fall silent in one hour, and as many that take over."""
    mean = mix(rng)
    old = [Life(f"old-{i}", mean, ends_h=50 + i / 60) for i in range(count)]
    new = [
        replace(life, name=f"new-{i}", begins_h=50 + i / 60 + gap_h, ends_h=None)
        for i, life in enumerate(old)
    ]
    return [*old, *new]


def found(turnovers: list[Turnover], time: float = NOW) -> list[set[str]]:
    successions = Successions(CampaignSettings(), metrics=Metrics())
    successions.add(turnovers)
    return [{m.account_id for m in group.members} for group in successions.find(time)]


def test_predecessors_and_successors_are_one_group(rng: Rng) -> None:
    lives = wave(rng, 8)
    assert found(rows([*standing(rng, 100), *lives])) == [{life.name for life in lives}]


def test_each_takes_over_from_one_at_most(rng: Rng) -> None:
    one, *_ = wave(rng, 1)
    crowd = [replace(one, name=f"new-{i}", begins_h=50.4, ends_h=None) for i in range(12)]
    assert found(rows([*standing(rng, 100), one, *crowd])) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"begins_h": 52.5},  # too late
        {"per_hour": 90.0},  # another rate
        {"output_tokens": 4000},  # other answers
        {"mix": (0.5, *[0.0] * 15)},  # other content
    ],
)
def test_only_the_same_mix_within_the_hour_takes_over(rng: Rng, changes: dict[str, float]) -> None:
    lives = wave(rng, 8)
    new = [replace(life, **changes) for life in lives[8:]]  # type: ignore[arg-type]
    assert found(rows([*standing(rng, 100), *lives[:8], *new])) == []


def test_accounts_of_the_first_day_took_over_from_none(rng: Rng) -> None:
    early = [replace(life, begins_h=max(life.begins_h - 40, 0), ends_h=None if life.ends_h is None
                     else life.ends_h - 40) for life in wave(rng, 8)]  # fmt: skip
    assert found(rows([*standing(rng, 100), *early])) == []


def test_the_order_of_turnovers_changes_nothing(rng: Rng) -> None:
    some = rows([*standing(rng, 100), *wave(rng, 8)])
    latest = {row.account_id: row for row in some}
    assert found([*latest.values()][::-1]) == found(some)


def test_who_comes_back_loses_the_link(rng: Rng) -> None:
    lives = [*standing(rng, 100), *wave(rng, 8)]
    clusters = ClusterDetector(CampaignSettings(), metrics=Metrics())
    clusters.add_turnovers(NOW, rows(lives))
    clusters.detect(NOW)
    linked = clusters._graph.find_accounts(["old-3", "new-3"])
    assert (linked >= 0).all()
    back = [replace(life, returns_h=61.0) for life in lives if life.name.startswith("old-")]
    later = NOW + 2 * HOUR_S
    clusters.add_turnovers(later, rows(back, until=later))
    clusters.detect(later)
    assert (clusters._graph.find_accounts(["old-3", "new-3"]) < 0).all()


def test_a_stored_detector_finds_the_same(rng: Rng) -> None:
    clusters = ClusterDetector(CampaignSettings(), metrics=Metrics())
    clusters.add_turnovers(NOW, rows([*standing(rng, 100), *wave(rng, 8)]))
    clusters.note_confirmed(["old-1", "gone"], until=2e9)
    clusters.detect(NOW)
    other = ClusterDetector(CampaignSettings(), metrics=Metrics())
    restore(other, changes(clusters))
    assert other.due == clusters.due
    later = NOW + HOUR_S
    assert repr(other.detect(later)) == repr(clusters.detect(later))
    assert changes(other) == changes(clusters)


def test_turnovers_alone_are_scored_after_a_restart() -> None:
    clusters = ClusterDetector(CampaignSettings(), metrics=Metrics())
    clusters.add_turnovers(NOW, rows([Life("a", tuple([0.1] * 16))]))
    other = ClusterDetector(CampaignSettings(), metrics=Metrics())
    restore(other, changes(clusters))
    assert other.due == clusters.due < np.inf


def known(turnovers: list[Turnover]) -> KnownAccounts:
    accounts = KnownAccounts(remember_s=3 * DAY_S, metrics=Metrics())
    accounts.add(turnovers)
    return accounts


def test_the_accounts_known_are_bounded(rng: Rng, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_accounts, "MOST_ACCOUNTS", 20)
    monkeypatch.setattr(known_accounts, "SAMPLE", 30)
    accounts = known(rows(standing(rng, 300)))
    everyone, sample = accounts.at(NOW)
    assert len(sample) == 30
    assert 30 <= len(everyone) <= 50
    # The sample does not depend on the order in which accounts come.
    other = known(rows(standing(np.random.default_rng(5), 300))[::-1]).at(NOW)[1]
    assert [row.account_id for row in sample] == [row.account_id for row in other]


def test_confirmed_accounts_are_bounded_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_accounts, "MOST_CONFIRMED", 3)
    accounts = known([])
    accounts.confirm(["a", "b"], until=10)
    accounts.confirm(["c", "d"], until=20)
    assert [accounts.is_confirmed(name) for name in "abcd"] == [False, True, True, True]
    accounts.confirm(["c"], until=0)  # the verdict is withdrawn
    accounts.at(15)
    assert [accounts.is_confirmed(name) for name in "bcd"] == [False, False, True]


def test_old_turnovers_are_forgotten(rng: Rng) -> None:
    accounts = known(rows(standing(rng, 20)))
    assert accounts.at(NOW)[0]
    assert accounts.at(NOW + 4 * DAY_S)[0] == []


@pytest.mark.parametrize(
    ("chance", "count", "least", "most"),
    [
        (Chance(10, 0.1), 10, 22, 23),  # 10 ln 10 - ln 2
        (Chance(10, 0.1), 1, 0, 0),
        (Chance(10, 0.5), 6, 0, 0),
        (Chance(100, 0.5), 80, 18, 20),
        (Chance(), 0, 0, 0),
    ],
)
def test_chance_is_a_bound_of_the_binomial_tail(
    chance: Chance, count: int, least: float, most: float
) -> None:
    assert least <= chance.log_p(count) <= most
