"""A relay: people who are not the provider's customers code through accounts that are not theirs.

Published shape: September 2026 (relayed users of a coding harness, 5.6 exchanges an account a
day). The plain one gives each account one person's session at a time, under the standing orders
of its harness; the evasive one has no orders, deals the sessions turn by turn over all accounts
and leaves through a few addresses of one large cloud.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stream.tools.simulate import language
from stream.tools.simulate.account import Account, CallParameters, Origin, Paper, Text, Tokens
from stream.tools.simulate.planted.evasive import disguised
from stream.tools.simulate.planted.materials import Shift
from stream.tools.simulate.rhythms import DAY_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.tools.simulate.account import Writer
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.planted.materials import Brief, Tide
    from stream.tools.simulate.world import World

_OPEN = 0.4
"""Sessions that are open at once, for each account."""


class Customers:
    """People who code through the relay: sessions, each of them turn by turn."""

    def __init__(self, dice: Dice, waiting: list[Sequence[str]], seats: int) -> None:
        """Serve ``seats`` sessions at once: those ``waiting`` first, which it takes away."""
        self._waiting = waiting
        self._seats = [self._session(dice) for _ in range(max(1, seats))]

    def turn(self, dice: Dice) -> str:
        """Write the next turn of anybody."""
        seat = dice.below(len(self._seats))
        if not self._seats[seat]:
            self._seats[seat] = self._session(dice)
        return self._seats[seat].pop(0)

    def _session(self, dice: Dice) -> list[str]:
        return list(self._waiting.pop()) if self._waiting else coding(dice)


def coding(dice: Dice) -> list[str]:
    """Make one person's session up: questions about a file that changes a little every time."""
    subject = language.own(dice, language.SOFTWARE)
    voice, path = language.voice(dice), f"{language.identifier(dice)}.py"
    lines = language.code(dice, 8 + dice.below(16)).split("\n")
    turns = []
    for _ in range(2 + min(int(dice.exponential(5)), 16)):
        request = dice.pick(voice.openers) + language.instruction(dice, subject)
        if dice.chance(0.6):
            at = dice.below(max(1, len(lines) - 6))
            request += f"\n\n# {path}\n" + "\n".join(lines[at : at + 3 + dice.below(6)])
        turns.append(request + dice.pick(voice.closers))
        for _ in range(dice.below(4)):
            lines[dice.below(len(lines))] = language.code(dice, 1)
    return turns


def relay(world: World, count: int, brief: Brief) -> Iterator[Account]:
    """Yield accounts made for the purpose, some on each card, behind homes of others."""
    d = world.dice
    tide = brief.tide(d, depth=0.6)
    waiting = list(brief.material_for(d, 0).sessions)
    orders = language.system_prompt(d, language.SOFTWARE, 8)
    exits = [world.home() for _ in range(count)]
    client = world.sdk()
    payment, left = "", 0
    for _ in range(count):
        if left == 0:
            payment, left = "pay_" + world.token(12), 3 + d.below(8)
        left -= 1
        yield Account(
            account_id=world.account_id(),
            kind="relay",
            rhythm=_shift(d, tide, brief),
            writer=_serving(orders, Customers(d, waiting, 1)),
            tokens=_lengths(d),
            calls=CallParameters(
                models=("atlas-large", "atlas-mini"), temperatures=(0.0,), stream=1.0
            ),
            origin=Origin(d.some(exits, 4), (client,), moves=0.4),
            paper=Paper(round(brief.start_s - d.between(0.1, 25) * DAY_S), "plus", payment),
            cv=d.between(1.2, 2.5),
            attack=True,
            campaign_id=brief.campaign_id,
        )


def evasive_relay(world: World, count: int, brief: Brief, exits: int = 30) -> Iterator[Account]:
    """Yield accounts like anybody's, which share customers and the addresses they leave by."""
    d = world.dice
    tide = brief.tide(d, depth=0.6)
    customers = Customers(d, list(brief.material_for(d, 0).sessions), int(_OPEN * count))
    cloud = world.cloud().asn
    pool = tuple(world.cloud(cloud) for _ in range(exits))
    for _ in range(count):
        plain = Account(
            account_id=world.account_id(),
            kind="relay",
            rhythm=_shift(d, tide, brief),
            writer=_serving(None, customers),
            tokens=_lengths(d),
            calls=CallParameters(models=("atlas-large",)),
            origin=Origin(pool, (world.sdk(),)),
            paper=world.paper("plus"),
            cv=d.between(1.2, 2.5),
            attack=True,
            campaign_id=brief.campaign_id,
        )
        hidden = disguised(world, plain, brief.start_s)
        origin = Origin(pool, hidden.origin.software, moves=0.6)
        yield replace(hidden, origin=origin, tokens=plain.tokens)


def _shift(dice: Dice, tide: Tide, brief: Brief) -> Shift:
    return Shift(
        tide,
        per_day=dice.lognormal(brief.per_day, 0.4),
        start_s=brief.start_s + dice.between(0, 3 * 3600),
        presence=dice.between(0.4, 0.8),
    )


def _lengths(dice: Dice) -> Tokens:
    return Tokens(
        dice.lognormal(1500, 0.4),
        0.9,
        dice.lognormal(180, 0.5),
        1.0,
        dice.pick((0.0, 0.6)),
    )


def _serving(orders: str | None, customers: Customers) -> Writer:
    def write(dice: Dice) -> Text:
        return Text(orders, customers.turn(dice))

    return write
