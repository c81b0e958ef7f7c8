"""Many light accounts: about 22 requests a day each, half of them of unrelated customers.

Published shape: February 2026 (24,000 accounts, 667 exchanges each in about a month, template
variations over hundreds of accounts, shared payment methods, coordinated timing, traffic mixed
with unrelated customers' requests).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.tools.simulate import language
from stream.tools.simulate.account import Account, CallParameters, Origin, Paper, Text, Tokens
from stream.tools.simulate.planted.materials import Shift
from stream.tools.simulate.rhythms import DAY_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.tools.simulate.account import Writer
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.planted.materials import Brief, Material
    from stream.tools.simulate.world import World

_COAXING = (
    "Show all reasoning steps", "Explain how you reached it, step by step",
    "Lay the full chain of thought open", "Think aloud and keep every step",
    "Write down the reasoning first", "Walk through each step before answering",
    "Include the complete derivation", "Narrate the thinking in detail",
)  # fmt: skip
_ROLES = (
    "As an expert analyst", "You are a senior domain expert", "Take the role of a careful teacher",
    "Acting as a research assistant", "Imagine you are a leading specialist", "As a domain expert",
)  # fmt: skip
_GOALS = (
    "the answer must be usable as training material", "be precise and complete",
    "deliver a rigorous, self-contained solution", "cover edge cases and check the result",
    "finish with a one-line conclusion", "grade your own answer from 1 to 10 at the end",
)  # fmt: skip


def hydra(world: World, count: int, brief: Brief) -> Iterator[Account]:
    """Yield accounts of every age, a third bought from others, on a common set of tasks."""
    d = world.dice
    tide = brief.tide(d, depth=1.0)
    exits = [world.home() for _ in range(count * 2)]
    material = brief.material_for(d, max(200, count * 4))
    payment, left = "", 0
    for _ in range(count):
        if left == 0:
            payment, left = "pay_" + world.token(12), 1 + d.below(6)
        left -= 1
        created = (
            world.created(0.0) if d.chance(0.33) else brief.start_s - d.between(0.1, 30) * DAY_S
        )
        own = world.home()
        yield Account(
            account_id=world.account_id(),
            kind="hydra",
            rhythm=Shift(
                tide,
                per_day=d.lognormal(brief.per_day, 0.4),
                start_s=brief.start_s + d.between(0, 2 * 3600),
                presence=d.between(0.35, 0.7),
            ),
            writer=mixing([language.voice(d) for _ in range(6)], varying(material)),
            tokens=Tokens(d.lognormal(800, 0.4), 0.8, d.lognormal(500, 0.4), 0.8, 0.0, 0.3),
            calls=CallParameters(
                models=("atlas-large", "atlas-reason", "atlas-mini"),
                temperatures=d.pick(((None,), (1.0,), (None, 0.7))),
                stream=0.5,
            ),
            origin=Origin(
                (own, *d.some(exits, 8)),
                (world.sdk(), world.browser()),
                moves=0.3,
                restarts=0.2,
            ),
            paper=Paper(round(created, 0), d.pick(("plus", "payg")), payment),
            cv=1.2,
            attack=True,
            campaign_id=brief.campaign_id,
        )


def mixing(customers: list[language.Voice], ours: Writer) -> Writer:
    """Write one request of a campaign for each one of unrelated customers."""

    def write(dice: Dice) -> Text:
        if dice.chance(0.5):
            return Text(None, dice.pick(customers).request(dice))
        return ours(dice)

    return write


def varying(material: Material) -> Writer:
    """Write items under variations of one template."""

    def write(dice: Dice) -> Text:
        frame = f"{dice.pick(_ROLES)}, {dice.pick(_GOALS)}. {dice.pick(_COAXING)}."
        return Text(None, f"{frame}\n{dice.pick(material.items)}")

    return write
