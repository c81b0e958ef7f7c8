"""Every published shape by its id, with the requests an account and day that were published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stream.tools.simulate.benign.occasions import NEW_MODEL
from stream.tools.simulate.planted.disjoint import disjoint_hydra, succession
from stream.tools.simulate.planted.evasive import evasive_hydra, evasive_pool
from stream.tools.simulate.planted.hydra import hydra
from stream.tools.simulate.planted.light import burst, slow
from stream.tools.simulate.planted.lone import lone, patient_lone
from stream.tools.simulate.planted.pool import pool, second_pool
from stream.tools.simulate.planted.relay import evasive_relay, relay
from stream.tools.simulate.planted.reseller import reseller
from stream.tools.simulate.planted.router import router
from stream.tools.simulate.planted.turned import pivot, standing, takeover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from stream.tools.simulate.account import Account
    from stream.tools.simulate.planted.materials import Brief
    from stream.tools.simulate.world import World

_STANDING_D: Final = 14.0


@dataclass(frozen=True, slots=True)
class Shape:
    """How a campaign of a number of accounts is made."""

    build: Callable[[World, int, Brief], Iterable[Account]]
    per_day: float


def _lone(world: World, count: int, brief: Brief) -> Iterator[Account]:
    return (lone(world, brief) for _ in range(count))


def _lone_hard(world: World, count: int, brief: Brief) -> Iterator[Account]:
    return (patient_lone(world, brief) for _ in range(count))


def _succession(world: World, count: int, brief: Brief) -> Iterator[Account]:
    """Ban all accounts twice, after two fifths and three quarters of the time."""
    span_s = brief.end_s - brief.start_s
    bans_s = [brief.start_s + part * span_s for part in (0.4, 0.75)]
    return succession(world, count, brief, bans_s)


def _sticky_router(world: World, count: int, brief: Brief) -> Iterator[Account]:
    return router(world, count, brief, sticky=True)


def _second_pool(world: World, count: int, brief: Brief) -> Iterator[Account]:
    """Ban the pool after two fifths of its time, let the next come a fifth later."""
    fifth_s = (brief.end_s - brief.start_s) / 5
    return second_pool(
        world,
        count,
        brief,
        banned_s=brief.start_s + 2 * fifth_s,
        back_s=brief.start_s + 3 * fifth_s,
    )


def _takeover(world: World, count: int, brief: Brief) -> Iterator[Account]:
    """Take accounts of two weeks' standing over; half of them extracts in the second half."""
    half_s = (brief.start_s + brief.end_s) / 2
    age_d = _STANDING_D - (brief.start_s - world.start_s) / 86_400
    for _ in range(count):
        yield from takeover(world, standing(world, brief.per_day, age_d), brief, half_s=half_s)


def _pivot(world: World, count: int, brief: Brief) -> Iterator[Account]:
    accounts = [standing(world, brief.per_day) for _ in range(count)]
    return pivot(world, accounts, brief, model=NEW_MODEL)


SHAPES: Final = {
    "pool": Shape(pool, 857),
    "hydra": Shape(hydra, 22),
    "relay": Shape(relay, 5.6),
    "burst": Shape(burst, 2),
    "lone": Shape(_lone, 5000),
    "slow": Shape(slow, 60),
    "takeover": Shape(_takeover, 1500),
    "pivot": Shape(_pivot, 200),
    "second-pool": Shape(_second_pool, 857),
    "pool-evasive": Shape(evasive_pool, 857),
    "hydra-evasive": Shape(evasive_hydra, 22),
    "relay-evasive": Shape(evasive_relay, 5.6),
    "router": Shape(router, 45),
    "router-sticky": Shape(_sticky_router, 45),
    "reseller": Shape(reseller, 150),
    "hydra-disjoint": Shape(disjoint_hydra, 11),
    "lone-hard": Shape(_lone_hard, 4000),
    "succession": Shape(_succession, 60),
}
