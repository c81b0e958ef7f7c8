"""Which accounts the models may learn from."""

from __future__ import annotations

import numpy as np
import pytest

from stream.accounts.detection.detector import Detector
from stream.accounts.detection.learning import LearningPolicy
from stream.accounts.detection.settings import DetectionSettings
from stream.store.account_table import AccountTable

START = 1_772_409_600.0
HOUR = 3600.0
SETTINGS = DetectionSettings(
    warm_up_s=6 * HOUR, warm_up_accounts=10, quarantine_s=48 * HOUR, learn_every_s=HOUR
)
NAMES = ("early", "new", "old")


class Scene:
    def __init__(self) -> None:
        self.table = AccountTable(Detector.FIELDS, max_accounts=100)
        self.policy = LearningPolicy(SETTINGS, self.table)
        self.slots = self.table.slots([*NAMES], priority=lambda slots: np.zeros(len(slots)))
        self.policy.note_population(START, self.slots[:1])
        self.table["first_seen"][self.slots] = START + np.array([5, 60, 10]) * HOUR

    def settled(self, hour: float) -> set[str]:
        mask = self.policy.settled(START + hour * HOUR, self.slots)
        return {name for name, settled in zip(NAMES, mask, strict=True) if settled}


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_an_account_is_settled_when_it_was_seen_in_the_warm_up_or_outlasted_the_quarantine(
    scene: Scene,
) -> None:
    assert scene.settled(57) == {"early"}
    assert scene.settled(61) == {"early", "old"}
    assert scene.settled(60 + 48) == {"early", "new", "old"}


def test_an_excluded_account_is_not_settled_until_the_exclusion_ends(scene: Scene) -> None:
    scene.policy.exclusion.exclude(["early", "unknown"], until=START + 70 * HOUR)
    assert "early" not in scene.settled(69)
    assert "early" in scene.settled(70)
    scene.policy.exclusion.exclude(["old"], until=START + 1000 * HOUR)
    scene.policy.exclusion.exclude(["old"], until=0)
    assert "old" in scene.settled(70)


def test_the_population_is_warm_after_enough_accounts_and_time(scene: Scene) -> None:
    policy = scene.policy
    assert policy.accounts == 1
    policy.accounts = SETTINGS.warm_up_accounts
    assert not policy.warmed_up(START + 5 * HOUR)
    assert policy.warmed_up(START + 6 * HOUR)
    policy.accounts -= 1
    assert not policy.warmed_up(START + 6 * HOUR)


def test_each_account_counts_once_and_is_due_again_after_a_while(scene: Scene) -> None:
    policy, slots = scene.policy, scene.slots
    policy.note_population(START + HOUR, slots)
    assert policy.accounts == len(NAMES)
    assert policy.began == START
    assert not policy.population_due(START + 1.5 * HOUR, slots).any()
    assert policy.population_due(START + 2 * HOUR, slots).all()


def test_an_account_without_a_date_of_creation_is_never_new(scene: Scene) -> None:
    ages = np.array([np.nan, 0.5, 30])
    assert scene.policy.whole_life_seen(START + 24 * HOUR, ages).tolist() == [False, True, False]
    assert not LearningPolicy(SETTINGS, scene.table).whole_life_seen(START, ages).any()
