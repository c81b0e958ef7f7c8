"""A campaign's figures against a brute-force count of every request of its members."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream.alerting.tally import TALLY, more, observed, united
from stream.campaigns.clusters.member_traffic import MEMBER_TRAFFIC

if TYPE_CHECKING:
    from stream.core.batch import Array

NAMES = ["a", "b", "c", "d"]
HOUR_S = 3600.0

# What happens in a window: an account sends requests, is forgotten by the accounts stage, uses a
# value that links it, is reported to one of two incidents, or the second becomes the first.
acts = st.one_of(
    st.tuples(st.just("requests"), st.sampled_from(NAMES), st.integers(1, 9)),
    st.tuples(st.just("forgotten"), st.sampled_from(NAMES), st.just(0)),
    st.tuples(st.just("linked"), st.sampled_from(NAMES), st.just(0)),
    st.tuples(st.just("reported"), st.sampled_from(NAMES), st.integers(0, 1)),
    st.tuples(st.just("merged"), st.just(""), st.just(0)),
)


@dataclass
class Account:
    """An account as the stages before know it, and every request that it ever made."""

    since: float = 0.0
    total: int = 0
    linked: tuple[float, int] | None = None  # when it was linked first, and its counter then
    sent: list[tuple[int, int]] = field(default_factory=list)  # step, requests
    first: int | None = None  # step of its first link

    def report(self, step: int) -> tuple[object, ...]:
        assert self.linked is not None
        at, before = self.linked
        before = before if at >= self.since else 0
        return (self.since, float(step), _counts(self.total), 0, 0, 7), _counts(before)


def _counts(requests: int) -> tuple[int, int, int, int]:
    return requests, 10 * requests, 100 * requests, requests


class Incident:
    """A tally beside brute force."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.tally = np.zeros(0, TALLY)
        self.until: dict[str, int] = {}  # step of the last report of each member

    def take(self, name: str, account: Account, step: int) -> Array:
        everyone = sorted({*self.names, name})
        self.tally = united(everyone, (self.names, self.tally))
        self.names = everyone
        reports = np.array([account.report(step)], MEMBER_TRAFFIC)
        at = [everyone.index(name)]
        self.tally[at] = more(self.tally[at], reports)
        self.until[name] = step
        return reports

    def swallow(self, other: Incident) -> None:
        everyone = sorted({*self.names, *other.names})
        self.tally = united(everyone, (self.names, self.tally), (other.names, other.tally))
        self.names = everyone
        for name, step in other.until.items():
            self.until[name] = max(step, self.until.get(name, -1))

    def requests(self) -> int:
        return observed(self.tally, np.zeros(0, MEMBER_TRAFFIC), 0.0).requests

    def brute_force(self, accounts: dict[str, Account]) -> int:
        return sum(
            requests
            for name, until in self.until.items()
            for step, requests in accounts[name].sent
            if (accounts[name].first or 0) <= step <= until
        )


class World:
    """The accounts, two incidents, and whether any account was forgotten."""

    def __init__(self) -> None:
        self.accounts = {name: Account() for name in NAMES}
        self.incidents = [Incident(), Incident()]
        self.forgot = False

    def requests(self, step: int, name: str, number: int) -> None:
        self.accounts[name].total += number
        self.accounts[name].sent.append((step, number))

    def forgotten(self, step: int, name: str, _: int) -> None:
        # Every earlier report was complete: requests that no report has cannot be counted.
        for incident in self.incidents:
            if name in incident.until:
                incident.take(name, self.accounts[name], step)
        self.accounts[name].since, self.accounts[name].total = step + 0.5, 0
        self.forgot = True

    def linked(self, step: int, name: str, _: int) -> None:
        account = self.accounts[name]
        if account.first is None:
            account.linked, account.first = (float(step), account.total), step

    def reported(self, step: int, name: str, number: int) -> None:
        if self.accounts[name].first is not None:
            self.incidents[number].take(name, self.accounts[name], step)

    def merged(self, _step: int, _name: str, _number: int) -> None:
        self.incidents[0].swallow(self.incidents[1])
        self.incidents[1] = Incident()


def play(played: list[tuple[str, str, int]]) -> None:
    world = World()
    for step, (what, name, number) in enumerate(played):
        before = [incident.requests() for incident in world.incidents]
        getattr(world, what)(step, name, number)
        if what == "merged":
            before = [max(before), 0]
        for incident, was in zip(world.incidents, before, strict=True):
            found, true = incident.requests(), incident.brute_force(world.accounts)
            assert was <= found <= true
            assert world.forgot or found == true


@given(st.lists(acts, max_size=40))
def test_figures_are_those_of_brute_force_and_never_go_down(
    played: list[tuple[str, str, int]],
) -> None:
    play(played)


@given(st.lists(acts.filter(lambda act: act[0] != "forgotten"), max_size=60))
def test_without_forgetting_figures_are_exact(played: list[tuple[str, str, int]]) -> None:
    play(played)


def test_an_account_that_was_forgotten_goes_on_being_counted() -> None:
    incident, account = Incident(), Account()
    account.linked, account.first = (0.0, 0), 0
    account.total = 7
    incident.take("a", account, 1)
    account.since, account.total = 2.0, 3
    incident.take("a", account, 3)
    assert incident.requests() == 10
    incident.take("a", account, 3)
    assert incident.requests() == 10


def test_the_last_hour_fades_with_its_age_and_is_no_more_than_what_is_counted() -> None:
    incident, account = Incident(), Account()
    account.linked, account.first = (0.0, 0), 0
    account.total = 40
    incident.take("a", account, 0)
    reports = np.array([((0.0, 0.0, _counts(40), 30, 3000, 0), _counts(0))], MEMBER_TRAFFIC)

    def last_hour(time: float) -> tuple[int, int]:
        seen = observed(incident.tally, reports, time)
        return seen.requests_last_hour, seen.output_tokens_last_hour

    assert last_hour(0) == (30, 3000)
    # The last request is half an hour old, half of the 29 before it are older than an hour.
    assert last_hour(HOUR_S / 2) == (16, 1550)
    assert last_hour(HOUR_S) == last_hour(5 * HOUR_S) == (0, 0)
    reports["traffic"]["hour_requests"] = 1000
    assert last_hour(0)[0] == 40
