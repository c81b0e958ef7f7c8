"""What happens to ordinary customers: they sign up, they share a payment with colleagues."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from stream.tools.simulate.rhythms import Between

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stream.tools.simulate.account import Account
    from stream.tools.simulate.world import World

_UNRELATED: Final = frozenset({"vpn", "phone"})


def joining(
    world: World, accounts: Iterable[Account], *, share: float, span_s: float
) -> Iterator[Account]:
    """Let a share of the accounts sign up during the traffic, and use it within hours."""
    d = world.dice
    for account in accounts:
        if not d.chance(share):
            yield account
            continue
        created = world.start_s + d.between(0, span_s)
        begins = created + min(d.lognormal(900, 1.8), 2 * 86_400)
        yield replace(
            account,
            rhythm=Between(account.rhythm, begins, math.inf),
            paper=replace(account.paper, created_at=round(created)),
        )


def teamed(world: World, accounts: Iterable[Account], *, share: float) -> Iterator[Account]:
    """Let a share of the accounts be colleagues: two to six on a payment, half in one office.

    Who comes through a VPN or a phone stays unrelated.
    """
    d = world.dice
    left = 0
    team, office = world.company(), None
    for account in accounts:
        alone = account.kind in _UNRELATED or account.paper.payment_id is None
        if not d.chance(share) or alone:
            yield account
            continue
        if left == 0:
            left = 2 + d.below(5)
            team, office = world.company(), world.home() if d.chance(0.5) else None
        left -= 1
        organization, payment = team
        origin = account.origin
        if office is not None:
            origin = replace(origin, addresses=(office, *origin.addresses[:1]), moves=0.1)
        paper = replace(account.paper, payment_id=payment, organization_id=organization)
        yield replace(account, origin=origin, paper=paper)
