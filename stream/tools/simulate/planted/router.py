"""A router: many people's conversations, dealt over accounts that share nothing else.

Shape of the memo's obfuscated third-party routers: one client program, another residential exit for
every request, own payments, all topics. ``sticky`` keeps each conversation with one account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.tools.simulate import language
from stream.tools.simulate.account import Account, CallParameters, Origin, Paper, Text, Tokens
from stream.tools.simulate.benign.people import chatting
from stream.tools.simulate.dialogue import Desk
from stream.tools.simulate.planted.materials import Shift
from stream.tools.simulate.rhythms import DAY_S
from stream.tools.simulate.world import Homes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream.tools.simulate.account import Writer
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.planted.materials import Brief
    from stream.tools.simulate.world import World


def router(world: World, count: int, brief: Brief, *, sticky: bool = False) -> Iterator[Account]:
    """Yield bought accounts; ``per_day`` is the requests of each of them."""
    d = world.dice
    tide = brief.tide(d, depth=0.5)
    customer = customers([list(s) for s in brief.material_for(d, 0).sessions])
    desk = Desk(d, customer, mean_turns=5.0, pause_s=80.0)
    homes, client = Homes(d.below(1 << 20)), world.sdk()
    for _ in range(count):
        plan = d.pick(("plus", "plus", "payg"))
        age_d = min(20 + d.lognormal(110, 0.9), 1400)
        yield Account(
            account_id=world.account_id(),
            kind="router",
            rhythm=Shift(
                tide,
                per_day=d.lognormal(brief.per_day, 0.3),
                start_s=brief.start_s + d.between(0, 1800),
                presence=d.between(0.6, 0.95),
            ),
            writer=chatting(language.voice(d)),
            tokens=Tokens(900, 0.8, d.lognormal(190, 0.1), 0.95),
            calls=CallParameters(
                models=("atlas-large", "atlas-large", "atlas-mini", "atlas-reason"),
                temperatures=(None, None, 0.7, 1.0),
                stream=0.9,
                limited=0.01,
            ),
            origin=Origin(homes, (client,), moves=1.0),
            paper=Paper(round(brief.start_s - age_d * DAY_S), plan, "pay_" + world.token(12)),
            cv=d.between(0.9, 1.4),
            attack=True,
            campaign_id=brief.campaign_id,
            dialogue=Desk(d, customer, mean_turns=5.0, pause_s=80.0) if sticky else desk,
        )


def customers(waiting: list[list[str]]) -> Callable[[Dice], Writer]:
    """Return what makes the writer of each conversation; recorded sessions come in between."""

    def customer(dice: Dice) -> Writer:
        if waiting and dice.chance(0.05):
            return _recorded(waiting.pop(), language.voice(dice))
        return chatting(language.voice(dice))

    return customer


def _recorded(session: list[str], voice: language.Voice) -> Writer:
    left = iter(session)

    def write(dice: Dice) -> Text:
        return Text(None, next(left, None) or voice.request(dice))

    return write
