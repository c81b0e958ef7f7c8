"""The planted part of each scenario: its accounts, and the benign ones that they were before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from quality.background import sleepers
from quality.jargon import with_jargon
from quality.plan import DAY_S
from stream.tools.simulate.benign.conversing import conversing
from stream.tools.simulate.benign.occasions import NEW_MODEL
from stream.tools.simulate.benign.people import people
from stream.tools.simulate.benign.services import services
from stream.tools.simulate.dice import Dice
from stream.tools.simulate.planted.disjoint import succession
from stream.tools.simulate.planted.lone import patient_lone
from stream.tools.simulate.planted.materials import Brief
from stream.tools.simulate.planted.pool import second_pool
from stream.tools.simulate.planted.relay import evasive_relay
from stream.tools.simulate.planted.shapes import SHAPES
from stream.tools.simulate.planted.turned import pivot, takeover
from stream.tools.simulate.world import World

if TYPE_CHECKING:
    from quality.plan import Plan
    from quality.texts import Texts
    from stream.tools.simulate.account import Account

_BURST_D = 2.0


@dataclass(frozen=True)
class Planted:
    """The accounts of a campaign, and from when on they replace what they were before.

    Parts with ``attack`` extract; others are the rest of what the same accounts send.
    """

    accounts: list[Account]
    begins_s: float
    replaced: frozenset[str] = frozenset()
    from_s: float | None = None  # when their traffic begins, if benign accounts are among them


def planted(plan: Plan, name: str, texts: Texts) -> Planted:
    """Make one campaign; it depends on nothing but the plan and the texts."""
    campaign = plan.campaign(name)
    world = World(Dice(plan.rng("campaign", name)), plan.start_s)
    begins_s = plan.start_s + plan.begins_d * DAY_S + world.dice.between(0.3, 10) * 3600
    brief = Brief(
        campaign_id=name,
        start_s=begins_s,
        end_s=plan.end_s,
        per_day=campaign.per_day,
        material=texts.material(plan, name),
    )
    if name in {"takeover", "pivot"}:
        return _turned(plan, name, world, brief)
    if name == "second-pool":
        return _banned(plan, world, brief)
    if name == "lone-hard":
        return _patient(plan, world, brief)
    return Planted(_alone(plan, name, world, brief), begins_s)


def _alone(plan: Plan, name: str, world: World, brief: Brief) -> list[Account]:
    count = plan.campaign(name).accounts
    if name == "relay-evasive":
        return list(evasive_relay(world, count, brief, plan.exits))
    if name == "succession":
        bans_s = [plan.start_s + day * DAY_S for day in plan.bans_d]
        return list(succession(world, count, brief, bans_s))
    if name == "burst":
        brief = replace(brief, end_s=min(brief.start_s + _BURST_D * DAY_S, plan.end_s))
    return list(SHAPES[name].build(world, count, brief))


def _banned(plan: Plan, world: World, brief: Brief) -> Planted:
    begins_s, banned_s, back_s = (
        plan.start_s + day * DAY_S + world.dice.between(-2, 2) * 3600 for day in plan.second_d
    )
    count = plan.campaign("second-pool").accounts
    brief = replace(brief, start_s=begins_s)
    return Planted(
        list(second_pool(world, count, brief, banned_s=banned_s, back_s=back_s)), begins_s
    )


def _patient(plan: Plan, world: World, brief: Brief) -> Planted:
    """Make the hard lone among more people and busy services, who are there from the beginning."""
    brief = replace(brief, start_s=plan.start_s + plan.patient_d * DAY_S)
    more = World(Dice(plan.rng("population of the hard lone")), plan.start_s)
    missing = max(0, plan.patient_among - plan.crowd.accounts - plan.heavy)
    crowd = with_jargon([*people(more, missing), *services(more, plan.heavy)])
    accounts = [patient_lone(world, brief), *conversing(more.dice, crowd)]
    return Planted(accounts, brief.start_s, from_s=plan.start_s)


def _turned(plan: Plan, name: str, world: World, brief: Brief) -> Planted:
    one, *many = sleepers(plan)
    if name == "takeover":
        half_s = plan.start_s + plan.half_d * DAY_S
        accounts = list(takeover(world, one, brief, half_s=half_s))
        return Planted(accounts, brief.start_s, frozenset({one.account_id}))
    release_s = plan.start_s + plan.release_d * DAY_S
    brief = replace(brief, start_s=release_s)
    accounts = list(pivot(world, many, brief, model=NEW_MODEL))
    return Planted(accounts, release_s, frozenset(account.account_id for account in many))
