"""A router is found by the tokens of its contexts, where a log has no text; others stay silent."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from stream.campaigns.contexts.handed_over import ContextHandovers
from stream.core.thresholds import DEFAULT_THRESHOLDS
from testlib.scored import ScoredGroup, scored_groups
from testlib.traffic.conversations import HOUR_S, START_S, accused, alerts_of
from testlib.traffic.token_talks import Events, dealt, lognormal, sessions, talk, talks

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.core.alerts import Alert
    from stream.core.findings import Group

#: The log has been watched for a day when anything begins.
BEGIN_H, END_H = 25.0, 33.0
SPAN = (BEGIN_H, END_H)
ROUTER = [f"router-{n}" for n in range(24)]
PEOPLE = [f"person-{n}" for n in range(30)]
TOOLS = [f"tool-{n}" for n in range(16)]
TWINS = [f"twin-{n}" for n in range(24)]


def documents(rng: random.Random) -> tuple[int, int]:
    return lognormal(rng, 1500, 0.7), lognormal(rng, 200, 0.8)


def fixed_prompt(rng: random.Random) -> tuple[int, int]:
    return 1850, lognormal(rng, 60, 0.5)


def templates(rng: random.Random) -> tuple[int, int]:
    """A few templates of round sizes, with answers of a set length: everything coincides."""
    return 256 * rng.randrange(3, 9), 256


@pytest.fixture
def rng() -> random.Random:
    return random.Random(3)


def town(rng: random.Random) -> Events:
    """People who keep their conversations, and tools whose context is a file; known for a day."""
    return [
        *talks(rng, PEOPLE, count=1, hours=(0.0, 1.0)),
        *sessions(rng, TOOLS, documents, count=1, hours=(0.0, 1.0)),
        *talks(rng, PEOPLE, count=2, hours=SPAN),
        *sessions(rng, TOOLS, documents, count=4, hours=SPAN),
    ]


class Played:
    """What came of a story: alerts, groups that were scored, and most accounts that took over."""

    def __init__(self, events: Events) -> None:
        self.matches, self.linked = 0, set[str]()
        find = ContextHandovers.find

        def noting(contexts: ContextHandovers, time: float) -> list[Group]:
            groups = find(contexts, time)
            _, before, after = contexts._takers.met()
            self.matches = max(self.matches, int(before.sum() + after.sum()))
            self.linked |= {member.account_id for group in groups for member in group.members}
            return groups

        with scored_groups() as groups, mock.patch.object(ContextHandovers, "find", noting):
            self.alerts: list[Alert] = alerts_of(events)
        self.groups: list[ScoredGroup] = groups


def test_a_router_is_found_without_text_within_hours(rng: random.Random) -> None:
    played = Played([*town(rng), *dealt(rng, ROUTER, count=160, hours=SPAN)])
    found = accused(played.alerts)
    assert found <= {*ROUTER}
    assert len(found) >= 12
    first, latest = played.alerts[0], played.alerts[-1]
    assert first.detected_at <= "2026-03-03T08:00:00Z"  # begun at one o'clock
    shown = {one.feature: one for one in latest.evidence}
    assert shown["context_handover"].value >= 12
    assert shown["context_handover"].value > 4 * (shown["context_handover"].baseline or 0)
    assert {link.link for link in latest.links} == {"context"}
    assert "context that went from one to another" in latest.summary


def own(rng: random.Random) -> Events:
    """The router's accounts, each with conversations of its own."""
    return talks(rng, TWINS, count=9, hours=SPAN)


def documents_brought(rng: random.Random) -> Events:
    return sessions(rng, TWINS, documents, count=6, hours=SPAN)


def fixed_prompts(rng: random.Random) -> Events:
    return sessions(rng, TWINS, fixed_prompt, count=6, hours=SPAN)


def equal_numbers(rng: random.Random) -> Events:
    return sessions(rng, TWINS, templates, count=6, hours=SPAN)


def trimmed(rng: random.Random) -> Events:
    """Clients that send the end of their history only."""
    return talks(rng, TWINS, count=12, hours=SPAN, sent=900)


def two_keys(rng: random.Random) -> Events:
    """Customers whose client takes one of two keys for each request."""
    pairs = [TWINS[n : n + 2] for n in range(0, len(TWINS), 2)]
    return [event for pair in pairs for event in dealt(rng, pair, count=10, hours=SPAN)]


def agents(rng: random.Random) -> Events:
    """Agents of one test that begin within ten minutes and read a file in every turn."""
    return [
        event
        for hour in (26, 28, 30, 32)
        for account in TWINS
        for event in talk(
            rng, partial(str, account), START_S + hour * HOUR_S + rng.uniform(0, 600),
            question=1200,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    "twin", [own, documents_brought, fixed_prompts, equal_numbers, trimmed, two_keys, agents]
)
def test_those_whose_context_comes_from_elsewhere_are_silent(
    rng: random.Random, twin: Callable[[random.Random], Events]
) -> None:
    played = Played([*town(rng), *twin(rng)])
    assert played.matches > 20, "nothing was compared: its silence proves nothing"
    assert played.linked == set()
    assert played.alerts == []


def test_keys_of_one_team_are_silent_where_the_log_has_the_team(rng: random.Random) -> None:
    others, events = town(rng), dealt(rng, TWINS, count=160, hours=SPAN)
    played = Played([*others, *(event | {"organization_id": "team"} for event in events)])
    # Nothing but the organization tells them from a router.
    assert len(played.linked & {*TWINS}) >= 12
    assert played.groups
    assert all(group.score < DEFAULT_THRESHOLDS.clear_score for group in played.groups)
    assert played.alerts == []
