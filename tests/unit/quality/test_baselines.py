import numpy as np
import pytest
from quality.discrepancy import Discrepancy, embed
from quality.half_space import HalfSpaceTrees
from quality.rate_limit import RateLimit
from quality.shared_prompt import SharedPrompt

from stream.intake.codec.event import RequestEvent

START_S = 1_772_409_600.0
DAY_S = 86_400.0


def event(at_s, account, **fields):
    return RequestEvent(timestamp=START_S + at_s, account_id=account, model="m", **fields)


def said(detector):
    return [(alarm.time - START_S, tuple(alarm.accounts)) for alarm in detector.alarms()]


def test_the_rate_limit_counts_by_account_and_clock_hour():
    limit = RateLimit()
    limit.observe([event(i, "a") for i in range(101)])
    limit.observe([event(i * 20, "b") for i in range(200)])  # 180 in one hour
    limit.observe([event(7200 + i * 60, "c") for i in range(100)])
    assert said(limit) == [(100, ("a",)), (2000, ("b",))]


def test_young_accounts_with_one_opening_are_found_and_old_ones_are_not():
    rule = SharedPrompt()
    opening = "x" * 40
    old = START_S - 100 * DAY_S
    rule.observe([event(i, f"o{i}", prompt=opening, account_created_at=old) for i in range(40)])
    assert said(rule) == []
    rule.observe(
        [event(100 + i, f"y{i}", prompt=opening, account_created_at=START_S) for i in range(20)]
    )
    ((time, accounts),) = said(rule)
    assert time == 119
    assert len(accounts) == 20


def test_an_opening_has_to_be_shared_within_a_day():
    rule = SharedPrompt()
    for i in range(40):
        rule.observe([event(i * DAY_S / 18, f"y{i}", prompt="z" * 50, account_created_at=START_S)])
    assert said(rule) == []


def test_half_space_trees_call_an_absurd_hour_after_many_equal_ones():
    trees = HalfSpaceTrees()
    hours = [
        [event(hour * 3600 + i, f"a{i}", input_tokens=100 + i, output_tokens=50) for i in range(60)]
        for hour in range(50)
    ]
    for hour in hours:
        trees.observe(hour)
    crazy = [
        event(50 * 3600 + i, "bad", input_tokens=9, output_tokens=90_000, prompt=str(i),
              client_ip=str(i), user_agent=str(i), status=500)
        for i in range(900)
    ]  # fmt: skip
    trees.observe(crazy)
    trees.observe([event(51 * 3600, "a1")])
    assert ("bad",) in [accounts for _, accounts in said(trees)]


def test_discrepancy_finds_the_account_that_says_what_nobody_does():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(300)]

    def talk(at_s, account):
        return event(at_s, account, prompt=" ".join(rng.choice(words, 12)))

    mmd = Discrepancy(START_S)
    for hour in range(36):
        mmd.observe([talk(hour * 3600 + i, f"a{i % 5}") for i in range(100)])
    strange = "solve the following problem and show every step in full detail number"
    mmd.observe([event(37 * 3600 + i, "bad", prompt=f"{strange} {i}") for i in range(100)])
    assert np.isfinite(mmd.threshold)
    assert [accounts for _, accounts in said(mmd)][-1] == ("bad",)
    assert sum(accounts != ("bad",) for _, accounts in said(mmd)) <= 2


@pytest.mark.parametrize("text", ["", "one", "a b c d", "e" * 5000])
def test_an_embedding_has_unit_length_or_is_empty(text):
    length = float(np.linalg.norm(embed(text)))
    assert length == pytest.approx(1.0, abs=1e-5) or not text
