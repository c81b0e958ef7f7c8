"""A lone extractor: one account that has a model write training data, round the clock, no ramp."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stream.tools.simulate import language
from stream.tools.simulate.account import Account, CallParameters, Origin, Paper, Text, Tokens
from stream.tools.simulate.rhythms import DAY_S, Between, Steady
from stream.tools.simulate.vocabulary import SUBJECTS

if TYPE_CHECKING:
    from stream.tools.simulate.account import Writer
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.planted.materials import Brief, Material
    from stream.tools.simulate.world import World


def lone(world: World, brief: Brief) -> Account:
    """Make the account: one frame, unique seeds, long outputs, opened hours before."""
    d = world.dice
    return Account(
        account_id=world.account_id(),
        kind="lone",
        rhythm=Between(Steady(per_day=brief.per_day, swing=0.15), brief.start_s),
        writer=_instructing(brief.material),
        tokens=Tokens(520, 0.25, 1250, 0.35),
        calls=CallParameters(
            models=("atlas-large",), temperatures=(1.0,), max_tokens=3072, limited=0.02
        ),
        origin=Origin((world.cloud(),), (world.sdk(),)),
        paper=Paper(
            round(brief.start_s - d.between(600, 20_000), 0), "payg", "pay_" + world.token(12)
        ),
        cv=0.8,
        attack=True,
        campaign_id=brief.campaign_id,
    )


def patient_lone(world: World, brief: Brief) -> Account:
    """Make an account that existed before the log began, and is silent until it extracts.

    It has tasks made harder (the shape of Evol-Instruct, arXiv:2304.12244), each of them once.
    """
    d = world.dice
    return replace(
        lone(world, brief),
        rhythm=Between(Steady(per_day=brief.per_day, swing=0.25), brief.start_s),
        writer=_evolving(d, list(brief.material_for(d, 400).items)),
        tokens=Tokens(390, 0.4, 760, 0.5),
        calls=CallParameters(
            models=("atlas-large",), temperatures=(0.7,), max_tokens=2048, limited=0.01
        ),
        paper=Paper(
            round(world.start_s - d.between(0.5, 3) * DAY_S), "payg", "pay_" + world.token(12)
        ),
        cv=1.1,
    )


_HARDER = (
    "Make the task below harder by one more constraint, then solve it completely.",
    "Replace a general notion of this task with a specific one, and answer the new task at length.",
    "Rewrite it so that it needs several deductions; give the whole solution.",
    "Draw a rare task from the same field as the one below and work it out in detail.",
)


def _evolving(dice: Dice, items: list[str]) -> Writer:
    order = list(range(len(items)))
    for place in range(len(order) - 1, 0, -1):
        other = dice.below(place + 1)
        order[place], order[other] = order[other], order[place]

    def write(dice: Dice) -> Text:
        task = items[order.pop()] if order else language.instruction(dice, dice.pick(SUBJECTS))
        return Text(None, f"{dice.pick(_HARDER)}\n\n{task}")

    return write


_FRAME = (
    "Invent twenty new and diverse task instructions in the manner of the examples, each with an "
    "input and a full answer. Do not repeat a verb. Mix questions and commands."
)


def _instructing(material: Material | None) -> Writer:
    frame = material.injected if material else _FRAME

    def seed(dice: Dice) -> str:
        if material:
            return dice.pick(material.items)
        return language.instruction(dice, dice.pick(SUBJECTS))

    def write(dice: Dice) -> Text:
        listed = "\n".join(f"{number}. {seed(dice)}" for number in (1, 2, 3))
        return Text(None, f"{frame}\nExamples:\n{listed}\nContinue with number 4:")

    return write
