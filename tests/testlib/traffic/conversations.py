"""Conversations as a gateway logs them: every request with its whole context, dealt to accounts.

Questions and answers are drawn word by word: an answer is as unique as a sampled one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

import msgspec

from stream.campaigns.graph.handovers import Handovers
from stream.core.records import Record
from stream.core.thresholds import DEFAULT_THRESHOLDS
from stream.metrics import Metrics
from stream.pipeline.chain import Chain
from stream.settings import load
from stream.tools.simulate.vocabulary import SUBJECTS
from testlib.scored import ScoredGroup, scored_groups

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.alerts import Alert

START_S = 1_772_409_600.0
HOUR_S = 3600.0
WORDS = [word for subject in SUBJECTS for word in subject.things]

#: Which account sends each of so many turns.
Deal = Callable[[random.Random, int], list[str]]
Messages = list[dict[str, str]]


def text(rng: random.Random, words: int) -> str:
    return " ".join(rng.choices(WORDS, k=words))


def by_one(accounts: Sequence[str]) -> Deal:
    """Every conversation stays with one of the accounts."""
    return lambda rng, turns: [rng.choice(accounts)] * turns


def by_request(accounts: Sequence[str]) -> Deal:
    """Every request of a conversation goes to any of the accounts."""
    return lambda rng, turns: rng.choices(accounts, k=turns)


@dataclass
class Talk:
    """One conversation; what is not given is drawn."""

    deal: Deal
    turns: int = 4
    first: str = ""  # question
    answers: Callable[[str], str | None] = lambda _: None
    history: Messages = field(default_factory=list)  # what was said before, by whomever
    exits: bool = False  # each request comes from another address, else from three of its account

    def events(self, rng: random.Random, start_s: float) -> Iterator[dict[str, Any]]:
        """Yield the requests, minutes apart."""
        time, messages = start_s, [*self.history]
        for turn, account in enumerate(self.deal(rng, self.turns)):
            said = text(rng, 12) if turn or not self.first else self.first
            messages.append({"role": "user", "content": said})
            answer = self.answers(said) or text(rng, 30)
            yield {
                "timestamp": time,
                "account_id": account,
                "model": "large",
                "client_ip": self._address(rng, account),
                "input_tokens": 30 * len(messages),
                "output_tokens": 60,
                "messages": [*messages],
                "response": answer,
            }
            messages.append({"role": "assistant", "content": answer})
            time += rng.uniform(40, 300)

    def _address(self, rng: random.Random, account: str) -> str:
        parts = [rng.randrange(1, 224) for _ in range(4)]
        if not self.exits:
            home = random.Random(f"{account} {parts[0] % 3}")
            parts = [home.randrange(1, 224) for _ in range(4)]
        return ".".join(map(str, parts))


def spread(
    rng: random.Random, talks: Sequence[Talk], *, hours: float, start_s: float = START_S
) -> list[dict[str, Any]]:
    """Return the requests of talks that begin at any time of a span."""
    return [
        event
        for talk in talks
        for event in talk.events(rng, start_s + rng.uniform(0, hours * HOUR_S))
    ]


def people(count: int, *, each: int = 6) -> list[Talk]:
    """Return the talks of people who each keep to their own account."""
    return [Talk(by_one([f"person-{n}"])) for n in range(count) for _ in range(each)]


def without_answers(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the requests as a log has them that does not carry the answers."""
    return [{k: v for k, v in event.items() if k != "response"} for event in events]


def alerts_of(
    events: Sequence[dict[str, Any]], settings: Mapping[str, str] | None = None
) -> list[Alert]:
    """Return all alerts on the requests."""
    chain = Chain(load(None, settings or {}).stages, source="test", metrics=Metrics())
    ordered = sorted(events, key=lambda event: (event["timestamp"], event["account_id"]))
    last = ordered[-1]["timestamp"]
    ordered += [
        {"timestamp": last + n * 60, "account_id": "clock", "model": "small"} for n in range(40)
    ]
    records = [Record(i, None, msgspec.json.encode(event)) for i, event in enumerate(ordered)]
    return [*chain.process(records, now_s=last + HOUR_S), *chain.finish()]


def accused(alerts: Sequence[Alert]) -> set[str]:
    """Return the accounts of all alerts."""
    return {
        name for alert in alerts for name in (alert.account_ids or [alert.account_id or ""]) if name
    }


@dataclass
class Outcome:
    """What came of a story: alerts, groups that were scored, most conversations handed over."""

    alerts: list[Alert]
    groups: list[ScoredGroup]
    handed_over: int

    def assert_silent(self) -> None:
        """Hold that conversations were handed over, that no group came near, and no alert."""
        assert self.handed_over > 0, "nothing was handed over: its silence proves nothing"
        assert self.alerts == []
        assert all(group.score < DEFAULT_THRESHOLDS.open_score for group in self.groups)


def played(rng: random.Random, events: Sequence[dict[str, Any]], *, answers: bool) -> Outcome:
    """Play requests among those of thirty people who keep to themselves for two hours."""
    events = [*events, *spread(rng, people(30, each=3), hours=2)]
    with scored_groups() as groups, _most_handed_over() as noted:
        alerts = alerts_of(events if answers else without_answers(events))
    return Outcome(alerts, groups, max(noted))


@contextmanager
def _most_handed_over() -> Iterator[list[int]]:
    """Note how many conversations are handed over at each scoring."""
    noted, of = [0], Handovers.of

    def noting(graph: Any, snapshot: Any) -> Handovers:
        found = of(graph, snapshot)
        noted.append(len({*found.value[found.taken].tolist()}))
        return found

    with mock.patch.object(Handovers, "of", noting):
        yield noted
