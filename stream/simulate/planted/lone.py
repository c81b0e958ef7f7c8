"""A lone extractor: self-instruct from one new account, round the clock, without a ramp."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.simulate import language
from stream.simulate.account import Account, Calls, Origin, Paper, Text, Tokens
from stream.simulate.rhythms import Between, Steady
from stream.simulate.words import SUBJECTS

if TYPE_CHECKING:
    from stream.simulate.account import Writer
    from stream.simulate.dice import Dice
    from stream.simulate.world import World


def lone(world: World, *, start_s: float, per_day: float = 5000) -> Account:
    """Make the account: one frame, unique seeds, long outputs, opened hours before."""
    d = world.dice
    return Account(
        account_id=world.account_id(),
        kind="lone",
        rhythm=Between(Steady(per_day=per_day, swing=0.15), start_s),
        writer=_instructing(),
        tokens=Tokens(520, 0.25, 1250, 0.35),
        calls=Calls(models=("atlas-large",), temperatures=(1.0,), max_tokens=3072, limited=0.02),
        origin=Origin((world.cloud(),), (world.sdk(),)),
        paper=Paper(round(start_s - d.between(600, 20_000), 0), "payg", "pay_" + world.token(12)),
        cv=0.8,
        attack=True,
    )


def _instructing() -> Writer:
    def write(dice: Dice) -> Text:
        seeds = (language.instruction(dice, dice.pick(SUBJECTS)) for _ in range(3))
        listed = "\n".join(f"{number}. {seed}" for number, seed in enumerate(seeds, 1))
        return Text(
            None,
            "Invent twenty new and diverse task instructions in the manner of the examples, each "
            "with an input and a full answer. Do not repeat a verb. Mix questions and commands.\n"
            f"Examples:\n{listed}\nContinue with number 4:",
        )

    return write
