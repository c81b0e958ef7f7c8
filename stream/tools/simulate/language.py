"""A small grammar of English requests, varied enough that unrelated people rarely write the same.

It makes prompts, pasted material and system prompts; who sends them and when is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.tools.simulate.vocabulary import MOODS, PLACES, SUBJECTS, SYLLABLES, Subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.tools.simulate.dice import Dice


SOFTWARE = next(subject for subject in SUBJECTS if subject.name == "software")


def name(dice: Dice) -> str:
    """Make a proper name that means nothing."""
    stem: str = dice.pick(SYLLABLES) + dice.pick(SYLLABLES)
    return stem.capitalize()


def identifier(dice: Dice) -> str:
    """Make a name as it stands in source code."""
    subject = dice.pick(SUBJECTS)
    stem = dice.pick(subject.things).replace("-", "_")
    return f"{dice.pick(subject.acts)}_{stem}_{dice.pick(SYLLABLES)}"


def _thing(dice: Dice, s: Subject) -> str:
    if dice.unit() < 0.55:  # noqa: PLR2004 - a share
        return f"{dice.pick(s.kinds)} {dice.pick(s.things)}"
    return dice.pick(s.things)


def own(dice: Dice, subject: Subject) -> Subject:
    """Make a subject personal: fewer of its things, some of them with a name of their own.

    Unrelated people then seldom write the same six words in a row: measured on real prompts, an
    account shares a rare shingle with 0 / 1 / 14 others at the 5th, 50th and 95th percentile.
    """
    things = dice.some(subject.things, 16)
    named = tuple(f"{name(dice)} {thing}" for thing in dice.some(subject.things, 10))
    kinds = dice.some(subject.kinds, 6)
    brands = tuple(name(dice).lower() for _ in range(4))
    return subject._replace(things=things + named, kinds=kinds + brands)


_REQUESTS: tuple[Callable[[Dice, Subject], str], ...] = (
    lambda d, s: f"how do I {d.pick(s.acts)} {_thing(d, s)} before {d.pick(s.things)}",
    lambda d, s: f"{d.pick(s.acts)} {_thing(d, s)} or {d.pick(s.acts)} {d.pick(s.things)}, and why",
    lambda d, s: f"why does {_thing(d, s)} ruin {d.pick(s.things)} near {d.pick(PLACES)}",
    lambda d, s: f"{d.below(9) + 2} {d.pick(s.kinds)} ways to {d.pick(s.acts)} {_thing(d, s)}",
    lambda d, s: f"what separates {_thing(d, s)} from {_thing(d, s)}",
    lambda d, s: f"is {_thing(d, s)} worth {d.below(900) + 20} in {d.pick(PLACES)}",
    lambda d, s: f"could you {d.pick(s.acts)} {name(d)}'s {_thing(d, s)}",
    lambda d, s: f"who would {d.pick(s.acts)} {_thing(d, s)} without {d.pick(s.things)}",
    lambda d, s: f"summarise {d.pick(s.things)} and {_thing(d, s)} for {name(d)}",
    lambda d, s: (
        f"{_thing(d, s)} keeps failing after {d.pick(s.things)}, any {d.pick(s.kinds)} fix"
    ),
    lambda d, s: f"{d.below(7) + 1} lines on {_thing(d, s)} versus {d.pick(s.things)}",
    lambda d, s: f"my {_thing(d, s)} needs {d.pick(s.things)}: {d.pick(s.acts)} first",
    lambda d, s: f"when should {name(d)} {d.pick(s.acts)} {_thing(d, s)}",
    lambda d, s: (
        f"plan {d.pick(s.things)}, {d.pick(s.things)} and {_thing(d, s)} for {d.pick(PLACES)}"
    ),
    lambda d, s: f"explain {_thing(d, s)} using {d.pick(s.things)}",
    lambda d, s: (
        f"does {_thing(d, s)} still {d.pick(s.acts)} with {d.below(60) + 3} {d.pick(s.things)}"
    ),
)
_DETAILS: tuple[Callable[[Dice, Subject], str], ...] = (
    lambda d, s: f"{name(d)} says {d.pick(s.things)} can {d.pick(s.acts)} {_thing(d, s)}",
    lambda d, s: f"we have {d.below(400) + 2} {d.pick(s.kinds)} {d.pick(s.things)} left",
    lambda d, s: f"{d.pick(MOODS)}, the {d.pick(s.things)} is {d.pick(s.kinds)}",
    lambda d, s: f"about {d.pick(s.things)} in {d.pick(PLACES)}, not {d.pick(s.things)}",
    lambda d, s: f"last {_thing(d, s)} cost {d.below(5000)} and {d.pick(s.things)} more",
    lambda d, s: f"{d.pick(s.acts)} nothing {d.pick(s.kinds)}; {name(d)} checks {d.pick(s.things)}",
    lambda d, s: f"keep {d.pick(s.things)} under {d.below(90) + 5}, {d.pick(MOODS)}",
    lambda d, s: f"{_thing(d, s)} came from {name(d)}",
)  # fmt: skip
_OPENERS = (
    "", "", "", "hi, ", "Hello! ", "hey ", "ok so ", "Question: ", "please: ", "Quick: ",
    "Dear all, ", "so, ", "Also: ", "thanks! now ", "hmm, ",
)  # fmt: skip
_CLOSERS = (
    "?", "?", "", ".", "??", " please.", " - thanks!", "? Briefly.", "? Plainly.",
    "? Bullets.", "? Honestly.", "? thx", "? Table.",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Voice:
    """How one person or product talks: a few subjects and a few habits."""

    subjects: tuple[Subject, ...]
    openers: tuple[str, ...]
    closers: tuple[str, ...]
    wordy: float

    def request(self, dice: Dice) -> str:
        """One prompt of this voice."""
        subject = dice.pick(self.subjects)
        text = (
            dice.pick(self.openers) + dice.pick(_REQUESTS)(dice, subject) + dice.pick(self.closers)
        )
        while dice.unit() < self.wordy:
            text += " " + dice.pick(_DETAILS)(dice, subject) + "."
        return text


def voice(dice: Dice) -> Voice:
    """Make a person up."""
    return Voice(
        tuple(own(dice, subject) for subject in dice.some(SUBJECTS, 1 + dice.below(3))),
        dice.some(_OPENERS, 3),
        dice.some(_CLOSERS, 3),
        dice.between(0.1, 0.75),
    )


def passage(dice: Dice, subject: Subject, sentences: int) -> str:
    """Material that is pasted: a ticket, a note, a page."""
    return ". ".join(dice.pick(_DETAILS)(dice, subject) for _ in range(sentences)) + "."


def instruction(dice: Dice, subject: Subject) -> str:
    """One task without greeting or manners."""
    return dice.pick(_REQUESTS)(dice, subject)


def code(dice: Dice, lines: int) -> str:
    """Lines that look like source code."""
    out = []
    for _ in range(lines):
        left, right = identifier(dice), dice.pick(SYLLABLES)
        out.append(
            dice.pick(
                (
                    f"{right} = {left}({dice.below(99)})",
                    f"if {right} > {dice.below(512)}: return {left}",
                    f"for {right} in {left}: yield {right}",
                    f"assert {left}({right}) == {dice.below(64)}",
                )
            )
        )
    return "\n".join(out)


_ROLES = (
    "You are the {a} assistant of {n}.", "Act as a {k} reviewer of {t} at {n}.",
    "{n} uses you to {a} {t}.", "Your task at {n}: {a} every {t} you are given.",
    "System: {n} {t} service, {k} mode.", "As {n}'s expert for {t}, {a} with care.",
)  # fmt: skip
_RULES = (
    "Never mention {t}.", "Answer in at most {i} sentences.", "Return JSON with the keys {t}, {u}.",
    "Prefer {k} wording.", "Quote {t} when you {a}.", "If {t} is {k}, say so and stop.",
    "Escalate {u} to {n}.", "Think about {t} before {u}.", "Use the {k} style of {n}.",
)  # fmt: skip


def system_prompt(dice: Dice, subject: Subject, rules: int) -> str:
    """Write standing orders as a product team does: a role and some rules."""

    def fill(pattern: str) -> str:
        return pattern.format(
            a=dice.pick(subject.acts),
            t=dice.pick(subject.things),
            u=dice.pick(subject.things),
            k=dice.pick(subject.kinds),
            n=name(dice),
            i=dice.below(8) + 2,
        )

    patterns = [dice.pick(_ROLES), *(dice.pick(_RULES) for _ in range(rules))]
    return " ".join(fill(pattern) for pattern in patterns)
