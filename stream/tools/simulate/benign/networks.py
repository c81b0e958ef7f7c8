"""People who look alike because of their network: customers of a VPN, phones behind one operator.

Unrelated accounts then share many addresses, as the accounts of a campaign behind an egress pool
do (RFC 6888: an operator's translators put thousands of subscribers behind one address). Sizes are
chosen, not fitted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stream.tools.simulate.account import Origin
from stream.tools.simulate.benign.people import people

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.tools.simulate.account import Account
    from stream.tools.simulate.world import World


def vpn_customers(world: World, count: int, exits: int = 40) -> Iterator[Account]:
    """Yield people who leave through the data centre of one VPN, mostly by another exit."""
    d = world.dice
    one = world.cloud()
    block = one.ip.rsplit(".", 1)[0]
    pool = tuple(one._replace(ip=f"{block}.{1 + d.below(254)}") for _ in range(exits))
    for account in people(world, count):
        home = account.origin.addresses[0]
        often = d.some(pool, 2 + d.below(12))
        yield replace(
            account,
            kind="vpn",
            origin=Origin((home, *often) if d.chance(0.5) else often, account.origin.software, 0.2),
        )


def phones(world: World, count: int, carriers: int = 4) -> Iterator[Account]:
    """Yield people on the phone: their operator gives them another of its addresses every time."""
    d = world.dice
    gates = []
    for _ in range(carriers):
        one = world.home()
        block = one.ip.rsplit(".", 1)[0]
        gates.append(tuple(one._replace(ip=f"{block}.{1 + d.below(254)}") for _ in range(24)))
    for account in people(world, count):
        yield replace(
            account, kind="phone", origin=Origin(d.pick(gates), account.origin.software, 0.15)
        )
