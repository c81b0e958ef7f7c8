"""A reseller: dozens of customers behind each account, and another account when one is banned.

Every customer has a client, hours and addresses of its own, and keeps them, with its conversation,
when the account behind it is replaced.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from stream.tools.simulate.account import Paper
from stream.tools.simulate.benign.shared_key import key_user, sharing
from stream.tools.simulate.rhythms import DAY_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.tools.simulate.account import Account
    from stream.tools.simulate.planted.materials import Brief
    from stream.tools.simulate.world import World


def reseller(world: World, count: int, brief: Brief) -> Iterator[Account]:
    """Yield the accounts of ``count`` places, each once for every customer behind it.

    An account lasts some days until it is banned; the next one serves its customers within the
    hour. ``per_day`` is the requests of an account.
    """
    d = world.dice
    for _ in range(count):
        many = 30 + d.below(51)
        behind = [key_user(world, d.lognormal(brief.per_day / many, 0.5)) for _ in range(many)]
        begin_s = brief.start_s + d.between(0, 2 * 3600)
        while begin_s < brief.end_s:
            until_s = begin_s + max(d.lognormal(2.0, 0.7), 0.2) * DAY_S
            for part in sharing(
                world.account_id(), _bought(world, begin_s), behind, begin_s, until_s
            ):
                yield replace(part, kind="reseller", attack=True, campaign_id=brief.campaign_id)
            begin_s = until_s + d.between(240, 3300)


def _bought(world: World, begin_s: float) -> Paper:
    """Give papers of their own: half were in stock for weeks, half are of the day."""
    d = world.dice
    age_d = d.between(0.02, 1.0) if d.chance(0.5) else 10 + d.lognormal(40, 0.8)
    created = round(begin_s - age_d * DAY_S)
    return Paper(created, d.pick(("plus", "payg", "team")), "pay_" + world.token(12))
