"""Campaigns that stay below what any one account shows: a burst of new accounts, a slow few.

Published shapes: 2026-09-30 (16,000 attempts of one prompt pattern by 4,000 users in two days);
AA26-251A (use around the clock without idle periods).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.tools.simulate.account import Account, CallParameters, Origin, Paper, Text, Tokens
from stream.tools.simulate.planted.hydra import varying
from stream.tools.simulate.rhythms import DAY_S, Between, Steady

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.tools.simulate.account import Writer
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.planted.materials import Brief, Material
    from stream.tools.simulate.world import World


def burst(world: World, count: int, brief: Brief) -> Iterator[Account]:
    """Yield free accounts that are used for minutes or hours, some time while it lasts."""
    d = world.dice
    material = brief.material_for(d, 400)
    span_s = brief.end_s - brief.start_s
    requests = brief.per_day * span_s / DAY_S
    opening = material.injected.split(". ")[0].rstrip(".")
    for _ in range(count):
        lasts_s = min(d.lognormal(2400, 1.0), 0.4 * span_s)
        begin_s = brief.start_s + d.between(0, span_s - lasts_s)
        yield Account(
            account_id=world.account_id(),
            kind="burst",
            rhythm=Between(
                Steady(per_day=requests * DAY_S / lasts_s, swing=0.1), begin_s, begin_s + lasts_s
            ),
            writer=_patterned(opening, material),
            tokens=Tokens(d.lognormal(300, 0.3), 0.5, d.lognormal(700, 0.3), 0.6, 0.0, 0.5),
            calls=CallParameters(models=("atlas-reason", "atlas-large"), stream=0.9),
            origin=Origin((world.home(), world.home()), (world.browser(),), moves=0.2),
            paper=Paper(round(begin_s - d.exponential(1.5 * DAY_S) - 60), "free"),
            cv=d.between(0.8, 1.4),
            attack=True,
            campaign_id=brief.campaign_id,
        )


def _patterned(opening: str, material: Material) -> Writer:
    def write(dice: Dice) -> Text:
        manner = dice.pick(("", " please", " in English", " as text"))
        return Text(None, f"{opening}{manner}: {dice.pick(material.items)}")

    return write


def slow(world: World, count: int, brief: Brief) -> Iterator[Account]:
    """Yield a few accounts that never sleep and have nothing in common but their prompts."""
    d = world.dice
    material = brief.material_for(d, 400)
    for _ in range(count):
        joins_s = brief.start_s + d.between(0, DAY_S / 2)
        place = world.home() if d.chance(0.5) else world.cloud()
        yield Account(
            account_id=world.account_id(),
            kind="slow",
            rhythm=Between(Steady(per_day=brief.per_day, swing=0.2), joins_s),
            writer=varying(material),
            tokens=Tokens(d.lognormal(350, 0.3), 0.5, d.lognormal(800, 0.3), 0.5, 0.0, 0.4),
            calls=CallParameters(
                models=(d.pick(("atlas-large", "atlas-reason")),),
                temperatures=(d.pick((None, 0.7, 1.0)),),
                max_tokens=d.pick((None, 2048, 4096)),
            ),
            origin=Origin((place,), (world.sdk(),)),
            paper=Paper(
                world.created(0.3), d.pick(("payg", "plus", "team")), "pay_" + world.token(12)
            ),
            cv=d.between(0.8, 1.4),
            attack=True,
            campaign_id=brief.campaign_id,
        )
