"""A lone extractor: self-instruct from one new account, round the clock, without a ramp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.tools.simulate import language
from stream.tools.simulate.account import Account, CallParameters, Origin, Paper, Text, Tokens
from stream.tools.simulate.rhythms import Between, Steady
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
