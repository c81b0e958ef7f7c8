"""People at a keyboard: chats, hobby scripts, and the users of one common coding tool.

Lengths are fitted to the Azure conversation trace (input 181 / 1,020 / 4,083 and output
41 / 129 / 451 tokens at the 5th, 50th and 95th percentile) and, for the coding tool, to the Azure
code trace (75 / 1,469 / 7,303 and 6 / 13 / 90); pauses to the programmers of RealHumanEval
(20 / 118 / 561 s between requests).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.tools.simulate import language
from stream.tools.simulate.account import Account, CallParameters, Origin, Software, Text, Tokens
from stream.tools.simulate.rhythms import HOME, OFFICE, Sessions
from stream.tools.simulate.vocabulary import SUBJECTS, Subject
from stream.tools.simulate.world import ZONES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.tools.simulate.account import Writer
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.world import World

CHAT = ("atlas-large", "atlas-large", "atlas-mini", "atlas-reason")


def chatting(voice: language.Voice, found: tuple[str, ...] = ()) -> Writer:
    """Write the prompts of one voice, now and then with something pasted.

    ``found`` are prompts from a list that people pass around: unrelated people do share some words.
    """

    def write(dice: Dice) -> Text:
        if found and dice.unit() < 0.2:  # noqa: PLR2004 - a share
            return Text(None, dice.pick(found))
        prompt = voice.request(dice)
        if dice.unit() < 0.12:  # noqa: PLR2004 - a share
            subject = dice.pick(voice.subjects)
            prompt += "\n\n" + language.passage(dice, subject, 2 + dice.below(7))
        return Text(None, prompt)

    return write


def people(world: World, count: int) -> Iterator[Account]:
    """Yield private persons of all time zones; one in six is a night owl or a power user."""
    d = world.dice
    passed = [language.voice(d).request(d) for _ in range(30 + count // 4)]
    for _ in range(count):
        home = world.home()
        power = d.chance(0.16)
        addresses = (home, world.home(home.country)) if d.chance(0.5) else (home,)
        software: tuple[Software, ...] = (world.browser(),)
        if d.chance(0.3):
            software = (world.sdk(),)
        elif d.chance(0.35):
            software = (*software, world.browser())
        zone = ZONES[home.country] + (d.between(6, 12) if d.chance(0.08) else 0)
        yield Account(
            account_id=world.account_id(),
            kind="person",
            rhythm=Sessions(
                per_day=min(d.lognormal(6.0 if power else 1.4, 0.7), 30),
                gap_s=d.lognormal(118, 0.4),
                messages=d.lognormal(5, 0.5),
                zone_h=zone,
                hours=OFFICE if d.chance(0.3) else HOME,
            ),
            writer=chatting(language.voice(d), d.some(passed, 3) if d.chance(0.3) else ()),
            tokens=Tokens(d.lognormal(1020, 0.5), 0.8, d.lognormal(150, 0.6), 0.72),
            calls=CallParameters(
                models=d.some(CHAT, 1 + d.below(3)),
                temperatures=d.pick(((None,), (None,), (0.7,), (1.0,), (None, 0.2, 1.0))),
                max_tokens=d.pick((None, None, 1024, 4096)),
                logprobs=1.0 if d.chance(0.03) else 0.0,
                stream=0.9 if d.chance(0.7) else 0.0,
                errors=0.012,
                limited=0.01 if power else 0.002,
            ),
            origin=Origin(addresses, software, moves=0.03, restarts=0.03),
            paper=world.paper(d.pick(("free", "free", "plus", "plus", "payg")), young=0.1),
            cv=d.between(0.8, 1.6),
        )


def tool_users(world: World, count: int) -> Iterator[Account]:
    """Yield unrelated users of one common coding tool, which sends its own system prompt."""
    d = world.dice
    # Two releases are out at once; both send hundreds of identical words.
    prompts = [language.system_prompt(d, d.pick(SUBJECTS), 14) for _ in range(2)]
    agents = ("codepilot-cli/2.14.0", "codepilot-cli/2.15.1")
    tls = "t13d1715h2_5b57614c22b0_3d5424432f57"
    for _ in range(count):
        home = world.home()
        release = int(d.chance(0.4))
        ours = language.own(d, language.SOFTWARE)
        paper = world.paper(d.pick(("plus", "payg", "team")), young=0.12)
        yield Account(
            account_id=world.account_id(),
            kind="tool",
            rhythm=Sessions(
                per_day=min(d.lognormal(4.5, 0.6), 20),
                gap_s=d.lognormal(35, 0.5),
                messages=d.lognormal(14, 0.6),
                zone_h=ZONES[home.country],
                hours=OFFICE if d.chance(0.65) else HOME,
                weekend=d.between(0.1, 0.9),
            ),
            writer=_coding(language.voice(d), prompts[release], language.identifier(d), ours),
            tokens=Tokens(d.lognormal(1900, 0.5), 0.9, d.lognormal(40, 0.8), 1.1, cached_share=0.6),
            calls=CallParameters(
                models=("atlas-large", "atlas-mini"), temperatures=(0.0,), stream=1.0
            ),
            origin=Origin(
                (home, world.home(home.country)),
                (Software(agents[release], tls),),
                moves=0.01,
            ),
            paper=paper,
            cv=d.between(1.2, 3.0),
        )


def _coding(voice: language.Voice, system: str, project: str, subject: Subject) -> Writer:
    def write(dice: Dice) -> Text:
        body = language.code(dice, 2 + dice.below(8))
        request = dice.pick(voice.openers) + language.instruction(dice, subject)
        return Text(system, f"{request}\n\n# {project}/{language.identifier(dice)}.py\n{body}")

    return write
