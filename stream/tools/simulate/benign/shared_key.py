"""Several people behind one account: each with a client, hours, addresses and talk of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stream.tools.simulate import language
from stream.tools.simulate.account import Account, CallParameters, Origin, Paper, Tokens
from stream.tools.simulate.benign.people import CHAT, chatting
from stream.tools.simulate.dialogue import OwnDialogue
from stream.tools.simulate.rhythms import HOME, OFFICE, Between, Sessions
from stream.tools.simulate.world import ZONES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stream.tools.simulate.account import Address, Writer
    from stream.tools.simulate.rhythms import Rhythm
    from stream.tools.simulate.world import World

#: Mean requests of a session with a median of four messages: 4 exp(0.9^2 / 2).
_EACH: Final = 6.0


@dataclass(frozen=True, slots=True)
class KeyUser:
    """One person who comes through an account of others."""

    rhythm: Rhythm
    writer: Writer
    tokens: Tokens
    calls: CallParameters
    origin: Origin
    dialogue: OwnDialogue
    cv: float


def key_user(
    world: World, per_day: float, country: str | None = None, office: Address | None = None
) -> KeyUser:
    """Make a person up who sends ``per_day`` requests; an ``office`` is one of its places."""
    d = world.dice
    home = world.home(country)
    places = (home, world.home(home.country)) if d.chance(0.4) else (home,)
    return KeyUser(
        rhythm=Sessions(
            per_day=per_day / _EACH,
            gap_s=d.lognormal(100, 0.4),
            messages=4,
            zone_h=ZONES[home.country],
            hours=OFFICE if office or d.chance(0.4) else HOME,
            weekend=d.between(0.3, 1.0),
        ),
        writer=chatting(language.voice(d)),
        tokens=Tokens(d.lognormal(700, 0.6), 0.8, d.lognormal(180, 0.5), 0.8),
        calls=CallParameters(models=d.some(CHAT, 1 + d.below(2)), stream=float(d.chance(0.8))),
        origin=Origin(
            places if office is None else (office, *places),
            (world.browser() if d.chance(0.55) else world.sdk(),),
            moves=0.03 if office is None else 0.1,
        ),
        dialogue=OwnDialogue(d, mean_turns=5.0),
        cv=d.between(0.8, 1.5),
    )


def sharing(
    account_id: str, paper: Paper, users: Iterable[KeyUser], begin_s: float, until_s: float
) -> Iterator[Account]:
    """Yield an account once for every user; all of them use it from ``begin_s`` to ``until_s``."""
    for one in users:
        yield Account(
            account_id=account_id,
            kind="team-key",
            rhythm=Between(one.rhythm, begin_s, until_s),
            writer=one.writer,
            tokens=one.tokens,
            calls=one.calls,
            origin=one.origin,
            paper=paper,
            cv=one.cv,
            dialogue=one.dialogue,
        )


def team_keys(world: World, count: int, until_s: float) -> Iterator[Account]:
    """Yield teams whose five to twenty people share a key: they look like a reseller's."""
    d = world.dice
    for _ in range(count):
        organization, payment = world.company()
        country, remote = world.country(), d.chance(0.5)
        office = None if remote else world.home(country)
        users = [
            key_user(world, d.lognormal(7, 0.7), None if remote else country, office)
            for _ in range(5 + d.below(16))
        ]
        paper = Paper(world.created(), "team", payment, organization)
        yield from sharing(world.account_id(), paper, users, 0.0, until_s)
