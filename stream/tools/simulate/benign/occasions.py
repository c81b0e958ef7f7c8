"""Benign accounts that all move at once: benchmarks of a new model, another provider's outage.

Sizes are chosen, not fitted: no public trace has such days.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from stream.tools.simulate import language
from stream.tools.simulate.account import Account, CallParameters, Origin, Paper, Text, Tokens
from stream.tools.simulate.benign.jobs import item
from stream.tools.simulate.benign.services import service
from stream.tools.simulate.rhythms import DAY_S, Between, Nightly, Steady

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.tools.simulate.account import Writer
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.world import World

NEW_MODEL = "atlas-next"
"""The released model; no account has called it before."""

_FRAMES = (
    "Solve the problem and end with the answer alone.", "Answer with a short justification.",
    "Question:", "You are given one task. Do it.", "Reply with the final answer after ####.",
)  # fmt: skip


def benchmarkers(
    world: World,
    count: int,
    *,
    release_s: float,
    public: Sequence[Sequence[str]] = (),
    per_day: float = 300,
) -> Iterator[Account]:
    """Yield teams that test now and then, and put the new model through everything at once.

    ``public`` are sets of items in common use: unrelated teams then send the same.
    """
    d = world.dice
    for _ in range(count):
        organization, payment = world.company()
        items = [*d.pick(public), *d.pick(public)] if public else [item(d) for _ in range(400)]
        begin_s = release_s + d.between(0.3, 16) * 3600
        old = Account(
            account_id=world.account_id(),
            kind="benchmark",
            rhythm=Nightly(requests=per_day, hour=d.between(0, 24), rate=0.3),
            writer=_framing(d.pick(_FRAMES), items),
            tokens=Tokens(d.lognormal(250, 0.4), 0.4, d.lognormal(450, 0.5), 0.7, 0.0, 0.4),
            calls=CallParameters(
                models=("atlas-large", "atlas-reason"),
                temperatures=d.pick(((0.0,), (0.0, 0.7), (1.0,))),
                max_tokens=d.pick((2048, 3072, 4096, 8192, 16_384)),
                limited=0.04,
            ),
            origin=Origin((world.cloud(),), (world.sdk(),)),
            paper=Paper(world.created(0.15), d.pick(("payg", "team")), payment, organization),
            cv=d.between(0.7, 1.5),
        )
        yield old
        yield replace(
            old,
            rhythm=Between(
                Steady(per_day=d.lognormal(per_day * 12, 0.5), swing=0.3),
                begin_s,
                begin_s + d.between(8, 40) * 3600,
            ),
            calls=replace(old.calls, models=(NEW_MODEL,)),
        )


def _framing(frame: str, items: list[str]) -> Writer:
    def write(dice: Dice) -> Text:
        return Text(None, f"{frame}\n\n{dice.pick(items)}")

    return write


def failovers(world: World, count: int, *, outage_s: float) -> Iterator[Account]:
    """Yield products that live elsewhere: a sign of life now and then, all of it in an outage."""
    d = world.dice
    lasts_s = d.between(1.5, 4) * 3600
    probes = [f"{language.name(d)} ping, reply with OK" for _ in range(2)]
    for _ in range(count):
        product = service(world)
        yield replace(
            product,
            kind="failover",
            rhythm=Steady(per_day=DAY_S / d.pick((900.0, 1800.0, 3600.0)), swing=0.02),
            writer=_repeating(d.pick(probes)),
            tokens=Tokens(12, 0.05, 2, 0.2),
            cv=0.1,
        )
        yield replace(
            product,
            kind="failover",
            rhythm=Between(
                Steady(per_day=d.lognormal(4000, 0.8)),
                outage_s + d.exponential(240),
                outage_s + lasts_s + d.exponential(1200),
            ),
        )


def _repeating(words: str) -> Writer:
    def write(dice: Dice) -> Text:  # noqa: ARG001 - a writer's arguments
        return Text(None, words)

    return write


def adopting(
    world: World, account: Account, *, release_s: float, within_s: float = 4 * DAY_S
) -> Iterator[Account]:
    """Yield a customer who takes the new model up some day after its release, then for all."""
    when = release_s + world.dice.exponential(within_s / 2)
    # The rhythm has state and one part at a time uses it: both may hold it.
    yield replace(account, rhythm=Between(account.rhythm, 0.0, when))
    yield replace(
        account,
        rhythm=Between(account.rhythm, when, math.inf),
        calls=replace(account.calls, models=(NEW_MODEL,)),
    )
