"""Campaigns whose accounts share no value: a hydra with disjoint tasks, a succession of accounts.

No task is sent twice, every request has words of its own, and every account its own payment,
addresses and client. What is left is one narrow capability, or the same mix before and after a ban.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from stream.tools.simulate import language
from stream.tools.simulate.account import Account, CallParameters, Origin, Paper, Text, Tokens
from stream.tools.simulate.benign.people import CHAT, chatting
from stream.tools.simulate.dialogue import OwnDialogue
from stream.tools.simulate.planted.materials import Shift
from stream.tools.simulate.planted.queries import query_task
from stream.tools.simulate.planted.wording import own_words
from stream.tools.simulate.rhythms import DAY_S, Between
from stream.tools.simulate.vocabulary import SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stream.tools.simulate.account import Writer
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.planted.materials import Brief, Tide
    from stream.tools.simulate.world import World

#: The share of a light account's requests that are anybody's chat.
_CHAT: Final = 0.6


def disjoint_hydra(world: World, count: int, brief: Brief) -> Iterator[Account]:
    """Yield light accounts in two parts each: chat, and tasks of one capability."""
    d = world.dice
    tide = brief.tide(d, depth=0.5)
    for _ in range(count):
        account = _unlike(world, brief, tide)
        yield replace(
            account,
            kind="hydra",
            rhythm=_shift(d, tide, brief, _CHAT),
            writer=chatting(language.voice(d)),
            attack=False,
            campaign_id="",
            dialogue=OwnDialogue(d, mean_turns=2.0),
        )
        yield replace(
            account,
            kind="hydra",
            rhythm=_shift(d, tide, brief, 1 - _CHAT),
            writer=_in_new_words(query_task),
            tokens=Tokens(300, 0.4, d.lognormal(480, 0.15), 0.45),
            dialogue=OwnDialogue(d, mean_turns=0.0),
        )


def succession(
    world: World, count: int, brief: Brief, bans_s: Sequence[float]
) -> Iterator[Account]:
    """Yield ``count`` accounts, all banned within minutes at each of ``bans_s``, and as many new.

    The next ones begin within half an hour and carry on the same mix at the same hours.
    """
    d = world.dice
    tide = brief.tide(d, depth=0.7)
    write = _in_new_words(_mixture(d, list(brief.material_for(d, count * 20).items)))
    begins_s = [brief.start_s, *(at_s + 240 for at_s in bans_s)]
    ends_s = [*bans_s, brief.end_s]
    for begin_s, end_s in zip(begins_s, ends_s, strict=True):
        for _ in range(count):
            from_s, to_s = begin_s + d.between(0, 1500), end_s + d.between(0, 360)
            yield replace(
                _unlike(world, replace(brief, start_s=begin_s), tide),
                kind="succession",
                rhythm=Between(_shift(d, tide, brief, 1.0), from_s, to_s),
                writer=write,
                tokens=Tokens(260, 0.5, 420, 0.6),
                calls=CallParameters(
                    models=("atlas-large", "atlas-large", "atlas-reason"),
                    temperatures=(None, None, 1.0),
                    limited=0.005,
                ),
                dialogue=OwnDialogue(d, mean_turns=0.0),
            )


def _unlike(world: World, brief: Brief, tide: Tide) -> Account:
    """Make an account like anybody's: months old, with one or two addresses and a common client."""
    d = world.dice
    home = world.home()
    places = (home, world.home(home.country)) if d.chance(0.3) else (home,)
    if d.chance(0.3):
        places = (world.cloud(),)
    age_d = min(15 + d.lognormal(90, 0.9), 1400)
    return Account(
        account_id=world.account_id(),
        kind="unlike",
        rhythm=_shift(d, tide, brief, 1.0),
        writer=chatting(language.voice(d)),
        tokens=Tokens(d.lognormal(600, 0.4), 0.8, d.lognormal(200, 0.4), 0.8),
        calls=CallParameters(
            models=d.some(CHAT, 2),
            temperatures=(d.pick((None, None, 0.7, 1.0)),),
            max_tokens=d.pick((None, None, 2048, 4096)),
            stream=d.pick((0.0, 0.9)),
        ),
        origin=Origin(places, (world.sdk() if d.chance(0.6) else world.browser(),), moves=0.05),
        paper=Paper(
            round(brief.start_s - age_d * DAY_S),
            d.pick(("payg", "plus", "plus")),
            "pay_" + world.token(12),
        ),
        cv=d.between(0.8, 1.5),
        attack=True,
        campaign_id=brief.campaign_id,
    )


def _shift(dice: Dice, tide: Tide, brief: Brief, share: float) -> Shift:
    return Shift(
        tide,
        per_day=dice.lognormal(brief.per_day * share, 0.35),
        start_s=brief.start_s + dice.between(0, 2 * 3600),
        presence=dice.between(0.4, 0.8),
    )


def _in_new_words(task: Callable[[Dice], str]) -> Writer:
    """Write every task with another instruction, before it or behind it."""

    def write(dice: Dice) -> Text:
        words, item = own_words(dice), task(dice)
        return Text(None, f"{words}\n{item}" if dice.chance(0.5) else f"{item}\n\n{words}")

    return write


def _mixture(dice: Dice, left: list[str]) -> Callable[[Dice], str]:
    """Return a source of tasks: known ones, each once, and tasks on four subjects by weight."""
    common = [language.own(dice, dice.pick(SUBJECTS)) for _ in range(4)]
    weighted = [common[place] for place in (0, 0, 0, 0, 1, 1, 1, 2, 2, 3)]

    def task(dice: Dice) -> str:
        if left and dice.chance(0.5):
            return left.pop()
        subject = dice.pick(weighted)
        request = language.instruction(dice, subject)
        return f"{request}. {language.passage(dice, subject, 1 + dice.below(3))}"

    return task
