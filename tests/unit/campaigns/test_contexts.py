"""Who takes contexts over, by tokens and times: what chance explains, and what it does not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from stream.campaigns.contexts import takers
from stream.campaigns.contexts.chance import LEVELS, MOST, expected, strongest, takes_over
from stream.campaigns.contexts.handed_over import ContextHandovers
from stream.campaigns.contexts.turns import MOST_TURNS, QUESTION, WITHIN_S, RecentTurns, number
from stream.campaigns.links.bipartite_graph import BipartiteGraph
from stream.core.errors import StateError
from stream.core.findings import TURN, Group, LightTurns, Member
from stream.core.links import LinkKind
from stream.core.traffic import COUNTS, TRAFFIC
from stream.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

START_S = 1_772_409_600.0
HOUR_S = 3600.0
Rng = np.random.Generator
#: Account, time, input (0: its own context) and tokens after the turn.
Turn = tuple[str, float, int, int]


def row(account: str, time: float, turns: Sequence[tuple[float, int, int]]) -> LightTurns:
    member = Member(
        account, time, time, 1, 0, None, START_S, 40.0, 8, bytes(COUNTS.itemsize),
        bytes(TRAFFIC.itemsize),
    )  # fmt: skip
    return LightTurns(time, np.array([*turns], TURN).tobytes(), member)


def windows(turns: Sequence[Turn]) -> list[list[LightTurns]]:
    """Return the rows of each minute."""
    minutes: dict[int, dict[str, list[tuple[float, int, int]]]] = {}
    for account, time, into, after in sorted(turns, key=lambda turn: turn[1]):
        minute = minutes.setdefault(int(time // 60) + 1, {})
        minute.setdefault(account, []).append((time, into, after))
    return [
        [row(account, 60.0 * minute, some) for account, some in accounts.items()]
        for minute, accounts in sorted(minutes.items())
    ]


def found(turns: Sequence[Turn], *, hours: float = 13) -> tuple[list[Group], ContextHandovers]:
    contexts = ContextHandovers(metrics=Metrics())
    played = windows(turns)
    groups: list[Group] = []
    for number_, minute in enumerate(played):
        contexts.add(minute)
        if number_ % 5 == 0:
            groups = contexts.find(minute[0].time)
    return contexts.find(START_S + hours * HOUR_S) or groups, contexts


def routed(rng: Rng, accounts: Sequence[str], *, talks: int, hours: float = 12) -> list[Turn]:
    """Return conversations that are dealt request by request."""
    turns: list[Turn] = []
    for _ in range(talks):
        time, into = START_S + rng.uniform(0, hours * HOUR_S), int(rng.lognormal(6.5, 0.8))
        for _ in range(1 + int(rng.exponential(4))):
            answer = int(rng.lognormal(5.2, 0.8))
            turns.append((str(rng.choice(accounts)), time, into, into + answer))
            into += answer + int(rng.lognormal(3.5, 0.6))
            time += rng.lognormal(4.4, 0.8)
    return turns


def alone(
    rng: Rng,
    accounts: Sequence[str],
    tokens: Callable[[Rng], tuple[int, int]],
    *,
    each: int = 40,
    hours: float = 12,
) -> list[Turn]:
    """Return requests whose context comes from elsewhere, in sessions."""
    turns: list[Turn] = []
    for account in accounts:
        for begin in rng.uniform(0, hours * HOUR_S, max(each // 8, 1)).tolist():
            for pause in np.cumsum(rng.exponential(60, 8)).tolist():
                into, answer = tokens(rng)
                turns.append((account, START_S + begin + pause, into, into + answer))
    return turns


def documents(rng: Rng) -> tuple[int, int]:
    return int(rng.lognormal(7.2, 0.6)), int(rng.lognormal(5.0, 0.8))


def round_numbers(rng: Rng) -> tuple[int, int]:
    return 256 * int(rng.integers(2, 12)), 256 * int(rng.integers(1, 4))


def fixed_prompt(rng: Rng) -> tuple[int, int]:
    return 1800 + int(rng.integers(0, 40)), int(rng.lognormal(4.0, 0.5))


@pytest.fixture
def rng() -> Rng:
    return np.random.default_rng(5)


ROUTER = [f"router-{n}" for n in range(24)]
TOOLS = [f"tool-{n}" for n in range(40)]


def members(groups: Sequence[Group]) -> set[str]:
    return {member.account_id for group in groups for member in group.members}


def test_accounts_that_are_dealt_conversations_are_linked(rng: Rng) -> None:
    groups, contexts = found([*routed(rng, ROUTER, talks=240), *alone(rng, TOOLS, documents)])
    assert {group.kind for group in groups} == {LinkKind.CONTEXT}
    linked = members(groups)
    assert len(linked & {*ROUTER}) >= 10
    assert len(linked - {*ROUTER}) <= 1  # by chance, of twenty
    graph = BipartiteGraph()
    slots = graph.account_slots([*ROUTER, *TOOLS])
    figures = contexts.figures(graph)
    owner = np.arange(len(slots))
    size = figures.among(slots[: len(ROUTER)], owner, linked=True)
    assert size.log_p > 12
    assert size.count > 4 * size.expected
    # What one owner's accounts do counts once.
    one_owner = np.zeros(len(slots), np.int64)
    assert figures.among(slots[: len(ROUTER)], one_owner, linked=True).log_p < 2
    assert figures.among(slots[len(ROUTER) :], owner, linked=False).log_p < 4


@pytest.mark.parametrize("tokens", [documents, round_numbers, fixed_prompt])
def test_numbers_that_coincide_are_as_often_after_as_before(
    rng: Rng, tokens: Callable[[Rng], tuple[int, int]]
) -> None:
    groups, contexts = found(alone(rng, [*TOOLS, *ROUTER], tokens, each=80))
    _, before, after = contexts._takers.met()
    assert before.sum() + after.sum() > 100, "nothing fits: its silence proves nothing"
    assert abs(int(before.sum()) - int(after.sum())) < 4 * np.sqrt(before.sum() + after.sum())
    assert groups == []


def test_two_keys_of_one_client_meet_each_other_only(rng: Rng) -> None:
    turns = [
        turn for n in range(12) for turn in routed(rng, [f"first-{n}", f"second-{n}"], talks=14)
    ]
    groups, contexts = found([*turns, *alone(rng, TOOLS, documents)])
    _, before, after = contexts._takers.met()
    assert before.sum() > after.sum()
    assert groups == []


def test_what_an_account_produced_itself_is_no_match() -> None:
    turns = RecentTurns()
    turns.add([row("a", START_S + 60, [(START_S, 0, 900), (START_S + 30, 920, 1000)])])
    assert len(turns.match(START_S + HOUR_S)[0]) == 0


@pytest.mark.parametrize(
    ("other_s", "question", "before"),
    [
        (-30, 20, [True]),
        (30, 20, [False]),
        (-30, QUESTION[0] - 1, []),
        (-30, QUESTION[1], []),
        (-WITHIN_S - 1, 20, []),
        (0, 20, []),
    ],
)
def test_a_match_is_near_in_tokens_and_time(
    other_s: float, question: int, before: list[bool]
) -> None:
    turns, at = RecentTurns(), START_S + 1000
    turns.add([row("a", at, [(at, 2000 + question, 2500)])])
    turns.add([row("b", at + other_s, [(at + other_s, 0, 2000)])])
    found_, _ = turns.match(at + WITHIN_S)
    assert found_["before"].tolist() == before
    assert found_["other"].tolist() == [number("b")] * len(before)
    assert len(turns.match(at + 2 * WITHIN_S)[0]) == 0, "each context counts once"


def test_the_nearer_side_counts_and_none_where_both_are_as_near() -> None:
    at = START_S + 1000
    for before_s, after_s, sides in ((-20, 40, [True]), (-40, 20, [False]), (-20, 20, [])):
        turns = RecentTurns()
        turns.add([row("a", at, [(at, 2020, 2500)])])
        turns.add([row("b", at + 40, [(at + before_s, 0, 2000), (at + after_s, 0, 2000)])])
        assert turns.match(at + WITHIN_S)[0]["before"].tolist() == sides


def test_the_order_of_accounts_changes_nothing(rng: Rng) -> None:
    turns = [*routed(rng, ROUTER, talks=200), *alone(rng, TOOLS, documents)]
    one, other = (ContextHandovers(metrics=Metrics()) for _ in range(2))
    for minute in windows(turns):
        one.add(minute)
        other.add(minute[::-1])
        assert one.find(minute[0].time) == other.find(minute[0].time)
    assert one.take_changes() == other.take_changes()


def test_a_restart_changes_nothing(rng: Rng) -> None:
    turns = [*routed(rng, ROUTER, talks=200), *alone(rng, TOOLS, documents)]
    kept: dict[bytes, bytes | None] = {}
    straight, restarted = (ContextHandovers(metrics=Metrics()) for _ in range(2))
    for place, minute in enumerate(windows(turns)):
        for contexts in (straight, restarted):
            contexts.add(minute)
            groups = contexts.find(minute[0].time) if place % 3 == 0 else []
        if place % 40 == 0:
            kept |= dict(restarted.take_changes())
            restarted = ContextHandovers(metrics=Metrics())
            restarted.load([*kept.items()])
            restarted.loaded()
    assert groups is not None
    end = START_S + 13 * HOUR_S
    assert straight.find(end) == restarted.find(end) != []


def test_damaged_rows_are_refused() -> None:
    contexts = ContextHandovers(metrics=Metrics())
    contexts.add([row("a", START_S, [(START_S, 900, 1000)])])
    for key, value in contexts.take_changes():
        assert value is not None
        if key[1:2] == b"t":
            with pytest.raises(StateError):
                ContextHandovers(metrics=Metrics()).load([(key, value[:-1])])


def test_turns_and_accounts_are_bounded_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics()
    monkeypatch.setattr(takers, "MOST_ACCOUNTS", 30)
    contexts = ContextHandovers(metrics=metrics)
    many = [(START_S + n / 1e4, 900, 1000) for n in range(MOST_TURNS // 32)]
    for n in range(40):
        contexts.add([row(f"a{n}", START_S + n, many)])
    contexts.find(START_S + 60)
    names = {key[2:] for key, value in contexts.take_changes() if value and key[1:2] == b"a"}
    assert names == {f"a{n}".encode() for n in range(10, 40)}
    hits = metrics.limit_hits_total.labels(limit="turns")
    assert hits._value.get() == 10 + 40 * (MOST_TURNS // 32) - MOST_TURNS


def test_a_turn_of_another_time_than_its_window_is_not_taken() -> None:
    turns = RecentTurns()
    turns.add([row("a", START_S, [(float("nan"), 900, 1000), (START_S + 1e9, 900, 1000)])])
    assert len(turns.take_changes()[0]) == 8


def test_chance_is_that_of_a_fair_coin(rng: Rng) -> None:
    met = rng.integers(0, 20, 20_000)
    before = rng.binomial(met, 0.5)
    chance = expected(before, met - before)
    counts = takes_over(before, met - before).sum(axis=1)
    assert np.abs(counts - chance).max() < 4 * np.sqrt(max(chance))
    assert (np.array(chance) <= len(met) * np.array(LEVELS)).all()
    assert strongest(counts, chance).log_p < 5


def test_others_beyond_the_bound_are_no_error() -> None:
    most = np.array([MOST, 0])
    assert takes_over(most, most).sum() == 0
    assert takes_over(np.array([MOST]), np.array([0])).all()
