"""Standing accounts that turn: one is taken over, many move to a new model within a day.

Published shapes: an account's usual traffic with a tenth, then half of extraction mixed in; half
of the traffic moved to a new model within 24 hours of its release (February 2026).
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING

from stream.tools.simulate.account import CallParameters, Text, Tokens
from stream.tools.simulate.benign.services import service
from stream.tools.simulate.planted.hydra import varying
from stream.tools.simulate.rhythms import DAY_S, OFFICE, Between, Bursts, Scaled, Steady

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.tools.simulate.account import Account, Writer
    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.planted.materials import Brief, Material
    from stream.tools.simulate.world import World


def standing(world: World, per_day: float, age_d: float | None = None) -> Account:
    """Make a product like any other, which is busy through the office hours of its zone."""
    d = world.dice
    account = service(world)
    created = account.paper.created_at
    if age_d is not None:
        created = world.start_s - (age_d + d.between(0, 0.5)) * DAY_S
    return replace(
        account,
        rhythm=Bursts(
            per_day=per_day,
            active=0.9,
            on_s=2 * 3600,
            peak_sigma=0.3,
            zone_h=d.between(-8, 9),
            hours=OFFICE if d.chance(0.5) else None,
        ),
        paper=replace(account.paper, created_at=round(created)),
        cv=d.between(1.0, 2.0),
    )


def takeover(world: World, account: Account, brief: Brief, *, half_s: float) -> Iterator[Account]:
    """Yield the parts of a standing account: a tenth of it extracts, and half from ``half_s`` on.

    The brief's ``per_day`` is what the account sends as a whole.
    """
    start_s, material = brief.start_s, brief.material_for(world.dice, 400)
    yield from _own(account, ((0.0, start_s, 1.0), (start_s, half_s, 0.9), (half_s, math.inf, 0.5)))
    for begin_s, end_s, share in ((start_s, half_s, 0.1), (half_s, math.inf, 0.5)):
        yield replace(
            account,
            rhythm=Between(Steady(per_day=brief.per_day * share), begin_s, end_s),
            writer=_extracting(material),
            tokens=Tokens(world.dice.lognormal(260, 0.3), 0.5, 900, 0.5),
            calls=replace(account.calls, max_tokens=4096),
            attack=True,
            campaign_id=brief.campaign_id,
        )


def pivot(world: World, accounts: list[Account], brief: Brief, *, model: str) -> Iterator[Account]:
    """Yield the parts of standing accounts: within a day, half of each goes to the new model.

    The brief begins with the release; its ``per_day`` is what each of them sends as a whole.
    """
    d = world.dice
    material = brief.material_for(d, 400)
    for account in accounts:
        when = brief.start_s + d.between(0.5, 24) * 3600
        yield from _own(account, ((0.0, when, 1.0), (when, math.inf, 0.5)))
        yield replace(
            account,
            rhythm=Between(Steady(per_day=d.lognormal(brief.per_day / 2, 0.3)), when),
            writer=varying(material),
            tokens=Tokens(d.lognormal(350, 0.3), 0.5, d.lognormal(900, 0.3), 0.5, 0.0, 0.4),
            calls=CallParameters(
                models=(model,), temperatures=account.calls.temperatures, max_tokens=8192
            ),
            attack=True,
            campaign_id=brief.campaign_id,
        )


def _own(account: Account, spans: tuple[tuple[float, float, float], ...]) -> Iterator[Account]:
    """Yield an account's own traffic in (begin, end, share of its rate)."""
    for begin_s, end_s, share in spans:
        yield replace(
            account, rhythm=Between(Scaled(deepcopy(account.rhythm), share), begin_s, end_s)
        )


def _extracting(material: Material) -> Writer:
    def write(dice: Dice) -> Text:
        return Text(None, f"{material.injected}\n\n{dice.pick(material.items)}")

    return write
