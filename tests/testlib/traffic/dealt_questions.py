"""One list of questions dealt to many accounts, as campaigns were published: each in its own words.

Every account asks at its own address; nothing but the questions links them.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stream.tools.simulate.vocabulary import SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMBERS, STRANGERS = 64, 12
ASKED = 20  # questions of each of them
ITEMS = 72  # each for 18 members or so: what more than 30 have would be popular
WORDS = [word for subject in SUBJECTS for word in subject.things]

#: Windows and scoring of seconds instead of minutes, so that a test need not wait.
QUICK = {
    "DISTILLWATCH_WINDOWS_WINDOW_S": "5",
    "DISTILLWATCH_CAMPAIGNS_SCORE_EVERY_S": "5",
    "DISTILLWATCH_CAMPAIGNS_RESEND_S": "0",
    "DISTILLWATCH_ALERTING_GROW_EVERY_S": "0",
}


@dataclass(frozen=True)
class Caller:
    """An account by its key, the address that it asks from, and its questions in order."""

    key: str
    address: str
    prompts: list[str]


def callers() -> tuple[list[Caller], list[Caller]]:
    """Return members, who ask items of one list in words of their own, and unrelated strangers."""
    rng = random.Random(4)

    def text(words: int) -> str:
        return " ".join(rng.sample(WORDS, words))

    items = [text(14) for _ in range(ITEMS)]
    members = []
    for n in range(MEMBERS):
        opening, end = text(3), text(2)
        prompts = [f"{opening} {item} {end}" for item in rng.sample(items, ASKED)]
        members.append(Caller(f"sk-member-{n}", f"127.1.0.{n + 1}", prompts))
    strangers = []
    for n in range(STRANGERS):
        # One of the items is a question that anybody may have.
        prompts = [rng.choice(items), *(text(19) for _ in range(ASKED - 1))]
        strangers.append(Caller(f"sk-stranger-{n}", f"127.2.0.{n + 1}", prompts))
    return members, strangers


def seldom(who: list[Caller]) -> list[Caller]:
    """Return the callers with a quarter of their questions: a campaign is busier then, as most are.

    Where all are as busy, members are certain at some moments, and only likely at others.
    """
    return [replace(one, prompts=one.prompts[::4]) for one in who]


def rounds(who: list[Caller]) -> Iterator[list[tuple[Caller, str]]]:
    """Yield who asks what next; who has a part of the questions of others asks less often."""
    most = max(len(one.prompts) for one in who)
    pauses = [(one, most // len(one.prompts)) for one in who]
    for number in range(most):
        yield [(one, one.prompts[number // p]) for one, p in pauses if number % p == 0]
