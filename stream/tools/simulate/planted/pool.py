"""A heavy pool: one injected prompt in every request, several hundred requests per account a day.

Published shape: September 2026 (857 exchanges an account a day at the peak, residential proxies,
disposable identities, virtual cards, one fixed prompt injected into every request).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stream.tools.simulate import language
from stream.tools.simulate.account import Account, CallParameters, Origin, Paper, Text, Tokens
from stream.tools.simulate.planted.materials import Shift
from stream.tools.simulate.rhythms import DAY_S, Between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.tools.simulate.account import Writer
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.planted.materials import Brief, Material
    from stream.tools.simulate.world import World


def pool(world: World, count: int, brief: Brief) -> Iterator[Account]:
    """Yield young accounts that come up within hours, five to twelve of them on each card."""
    d = world.dice
    tide = brief.tide(d, depth=0.5)
    # Every item is sent several times over the pool: answers are sampled, the best are kept.
    material = brief.material_for(d, max(400, count * 60))
    software = [world.sdk() for _ in range(3)]
    payment, left = "", 0
    for _ in range(count):
        if left == 0:
            payment, left = "pay_" + world.token(12), 5 + d.below(8)
        left -= 1
        yield Account(
            account_id=world.account_id(),
            kind="pool",
            rhythm=Shift(
                tide,
                per_day=d.lognormal(brief.per_day, 0.35),
                start_s=brief.start_s + d.exponential(1200),
                presence=d.between(0.7, 0.98),
            ),
            writer=_injecting(material),
            tokens=Tokens(d.lognormal(420, 0.2), 0.45, d.lognormal(950, 0.2), 0.5, 0.2, 0.5),
            calls=CallParameters(
                models=("atlas-reason", "atlas-large"),
                temperatures=(d.pick((None, 0.7, 1.0)),),
                max_tokens=d.pick((None, 4096, 8192)),
                limited=0.03,
            ),
            origin=Origin(
                tuple(world.home() for _ in range(30 + d.below(50))),
                (d.pick(software),),
                moves=d.between(0.02, 0.3),
            ),
            paper=Paper(
                brief.start_s - d.between(0.02, 9) * DAY_S,
                d.pick(("payg", "plus", "payg")),
                payment,
            ),
            cv=d.between(0.8, 1.5),
            attack=True,
            campaign_id=brief.campaign_id,
        )


def second_pool(
    world: World, count: int, brief: Brief, *, banned_s: float, back_s: float
) -> Iterator[Account]:
    """Yield a pool that is banned, and another one, with new accounts, that takes its place."""
    for begin_s, end_s in ((brief.start_s, banned_s), (back_s, brief.end_s)):
        for account in pool(world, count, replace(brief, start_s=begin_s, end_s=end_s)):
            yield replace(account, rhythm=Between(account.rhythm, begin_s, end_s))


def _injecting(material: Material) -> Writer:
    def write(dice: Dice) -> Text:
        # Some go through a relayed chat of a customer, whose manners stay in front of the task.
        lead = f"{language.name(dice)}: " if dice.chance(0.1) else ""
        return Text(material.injected, lead + dice.pick(material.items))

    return write
