"""A shift of content is counted in multiples of chance, and what is new is seen apart."""

from __future__ import annotations

import numpy as np
import pytest

from stream.accounts.windows.content_means import MOVED, ContentMeans
from stream.core.events import CONTENT, CONTENT_DIMENSIONS, CONTENT_SCALE
from stream.store.account_table import AccountTable

WINDOW_S = 60.0
HOUR = 3600.0


def vectors(rng, centre, count):
    """Content around a centre: each a point on circles, as sines and cosines are."""
    angles = centre + rng.normal(0, 0.8, (count, CONTENT_DIMENSIONS // 2))
    waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
    return np.rint(waves * CONTENT_SCALE).astype(np.int8).view(CONTENT)[:, 0]


class Account:
    """One account that asks at a rate, with two subjects that take different tokens."""

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)
        self.table = AccountTable(ContentMeans.FIELDS, max_accounts=4)
        self.means = ContentMeans(self.table)
        self.slots = self.table.slots(["a"], priority=lambda some: np.zeros(len(some)))
        self.centres = self.rng.uniform(-np.pi, np.pi, (2, CONTENT_DIMENSIONS // 2))
        self.time, self.last = 1e9, np.nan

    def ask(self, hours, *, an_hour=60, new=0.0, learns=True):
        """Ask for some hours; a share of the prompts is of the new subject."""
        for minute in range(int(hours * 60)):
            self.time += WINDOW_S
            count = self.rng.poisson(an_hour / 60)
            if count:
                is_new = self.rng.random(count) < new
                content = np.where(
                    is_new,
                    vectors(self.rng, self.centres[1], count),
                    vectors(self.rng, self.centres[0], count),
                )
                self.add(content, np.where(is_new, 300, 600), np.where(is_new, 900, 60))
            if learns and minute % 60 == 59:
                self.means.learn(self.slots, np.array([0.05]))

    def add(self, content, received, sent):
        columns = {"content": content, "input_tokens": received, "output_tokens": sent}
        elapsed = np.array([self.time - self.last])
        self.means.add(self.slots, elapsed, columns, np.array([0]), self.time)
        self.last = self.time

    @property
    def shift(self):
        return float(self.means.shift(self.slots)[0])

    @property
    def new_ratio(self):
        return float(self.means.new_ratio(self.slots)[0])

    @property
    def moved_h(self):
        return float(self.means.moved_s(self.slots, self.time)[0]) / HOUR


@pytest.mark.parametrize("an_hour", [30, 600])
def test_what_does_not_change_stays_near_chance_at_every_volume(an_hour):
    found = []
    for seed in range(4):
        account = Account(seed)
        account.ask(30, an_hour=an_hour)
        found.append(account.shift)
    assert 0.3 < np.mean(found) < 2.0
    assert max(found) < MOVED


def test_half_that_is_new_is_seen_within_two_hours_and_soon_with_what_it_takes():
    account = Account()
    account.ask(30)
    account.ask(2, new=0.5, learns=False)
    assert account.shift > 2 * MOVED
    assert 1.5 < account.new_ratio < 3.5
    assert 0.2 < account.moved_h <= 2
    account.ask(4, new=0.5, learns=False)
    assert account.new_ratio == pytest.approx(3.0, rel=0.2)


def test_a_tenth_that_is_new_is_seen_for_what_it_is():
    account = Account()
    account.ask(30, an_hour=300)
    account.ask(12, an_hour=300, new=0.1, learns=False)
    assert account.shift > MOVED
    assert account.new_ratio == pytest.approx(3.0, rel=0.35)


def test_one_busy_hour_weighs_no_more_than_another():
    account = Account()
    account.ask(30)
    account.ask(0.5, an_hour=6000, new=1.0, learns=False)
    account.ask(16, learns=False)
    assert account.shift < MOVED
    assert account.moved_h == 0


def test_a_past_follows_and_what_is_usual_is_new_no_more():
    account = Account()
    account.ask(24)
    account.ask(100, new=0.5)
    assert account.shift < MOVED
    assert np.isnan(account.new_ratio)


def test_prompts_that_are_all_alike_move_nothing():
    account = Account()
    content = vectors(account.rng, account.centres[0], 1)
    for minute in range(40 * 60):
        account.time += WINDOW_S
        account.add(content, np.array([100]), np.array([10]))
        if minute % 60 == 59:
            account.means.learn(account.slots, np.array([0.05]))
    assert account.shift < 0.5


def test_few_prompts_and_no_prompts_say_nothing():
    account = Account()
    account.ask(0.2)
    account.ask(5, an_hour=2)
    assert np.isnan(account.shift)
    before = {name: account.table[name].copy() for name in ("content_recent", "content_n")}
    account.add(np.zeros(3, CONTENT), np.full(3, 100), np.full(3, 10))
    for name, values in before.items():
        assert (account.table[name] == values).all()


def test_rows_without_content_count_for_nothing_beside_others():
    one, other = Account(), Account()
    content = vectors(np.random.default_rng(3), one.centres[0], 4)
    one.add(content, np.full(4, 100), np.full(4, 10))
    mixed = np.concatenate([content, np.zeros(2, CONTENT)])
    other.add(mixed, np.full(6, 100), np.array([10] * 4 + [10_000] * 2))
    for field in ContentMeans.FIELDS:
        assert (one.table[field.name] == other.table[field.name]).all() or np.isnan(
            one.table[field.name]
        ).any()
