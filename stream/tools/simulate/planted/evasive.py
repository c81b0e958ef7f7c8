"""Pools that hide: own words, accounts months old, own payments, ordinary networks and clients.

They cannot avoid that their accounts send the same items.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stream.tools.simulate import language
from stream.tools.simulate.account import CallParameters, Origin, Paper, Text, Tokens
from stream.tools.simulate.planted.hydra import hydra, mixing
from stream.tools.simulate.planted.pool import pool
from stream.tools.simulate.planted.wording import own_words
from stream.tools.simulate.rhythms import DAY_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.tools.simulate.account import Account, Writer
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.planted.materials import Brief, Material
    from stream.tools.simulate.world import World


def evasive_pool(world: World, count: int, brief: Brief) -> Iterator[Account]:
    """Yield the accounts of a pool, each in its own disguise."""
    d = world.dice
    material = brief.material_for(d, max(400, count * 60))
    for account in pool(world, count, replace(brief, material=material)):
        yield replace(disguised(world, account, brief.start_s), writer=_rewording(d, material))


def evasive_hydra(world: World, count: int, brief: Brief) -> Iterator[Account]:
    """Yield the accounts of a hydra, each in its own disguise, among customers of its own."""
    d = world.dice
    material = brief.material_for(d, max(200, count * 4))
    for account in hydra(world, count, replace(brief, material=material)):
        customers = [language.voice(d) for _ in range(1 + d.below(4))]
        writer = mixing(customers, _rewording(d, material))
        yield replace(disguised(world, account, brief.start_s), writer=writer)


def disguised(world: World, account: Account, start_s: float) -> Account:
    """Give an account months of age, a payment, a place and a client like anybody's."""
    d = world.dice
    place = world.home() if d.chance(0.6) else world.cloud()
    near = [place._replace(ip=_beside(place.ip, d)) for _ in range(d.below(3))]
    software = world.sdk() if d.chance(0.7) else world.browser()
    age_d = min(30 + d.lognormal(150, 0.9), 1400)
    model = d.pick((("atlas-large",), ("atlas-reason",), ("atlas-large", "atlas-mini")))
    tokens = account.tokens
    return replace(
        account,
        tokens=Tokens(
            d.lognormal(tokens.input_median, 0.5),
            d.between(0.3, 0.9),
            d.lognormal(tokens.output_median, 0.4),
            d.between(0.4, 0.9),
            d.pick((0.0, 0.2, 0.5)),
            d.pick((0.0, 0.3, 0.5)),
        ),
        calls=CallParameters(
            models=model,
            temperatures=(d.pick((None, None, 0.0, 0.7, 1.0)),),
            max_tokens=d.pick((None, None, 1024, 2048, 4096)),
            stream=d.pick((0.0, 0.0, 0.9)),
            limited=d.pick((0.0, 0.02)),
        ),
        origin=Origin((place, *near), (software,), moves=d.between(0.0, 0.1)),
        paper=_paper(world, round(start_s - age_d * DAY_S, 0)),
    )


def _paper(world: World, created_at: float) -> Paper:
    """Give an own payment and, on a team's plan, an organisation of one account."""
    plan = world.dice.pick(("payg", "plus", "team"))
    organization, payment = world.company()
    return Paper(created_at, plan, payment, organization if plan == "team" else None)


def _beside(ip: str, dice: Dice) -> str:
    return f"{ip.rsplit('.', 1)[0]}.{1 + dice.below(254)}"


def _rewording(dice: Dice, material: Material) -> Writer:
    """Write items with an instruction in an account's own words, always on the same side."""
    words, first = own_words(dice), dice.chance(0.5)

    def write(dice: Dice) -> Text:
        item = dice.pick(material.items)
        return Text(None, f"{words}\n{item}" if first else f"{item}\n\n{words}")

    return write
