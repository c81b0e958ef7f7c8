"""Who takes part in a scenario: the benign crowd and the planted campaigns, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.tools.simulate.benign.company import company
from stream.tools.simulate.benign.jobs import batches, evaluations, pipelines
from stream.tools.simulate.benign.people import people, tool_users
from stream.tools.simulate.benign.services import migrations, services, tutoring
from stream.tools.simulate.planted.hydra import hydra
from stream.tools.simulate.planted.lone import lone
from stream.tools.simulate.planted.materials import Brief
from stream.tools.simulate.planted.pool import pool
from stream.tools.simulate.planted.shapes import SHAPES

if TYPE_CHECKING:
    from stream.tools.simulate.account import Account
    from stream.tools.simulate.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Benign accounts by kind; ``migrations`` counts pairs of an old and a new account."""

    people: int = 120
    tool_users: int = 70
    staff: int = 45
    services: int = 36
    batches: int = 6
    evaluations: int = 4
    pipelines: int = 5
    migrations: int = 3
    tutoring: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedCampaigns:
    """Attacking accounts by campaign, and when they begin."""

    pool: int = 0
    pool_per_day: float = 500.0
    hydra: int = 0
    lone: int = 0
    shape: str = ""
    """One more campaign, by its id in :data:`~stream.tools.simulate.planted.shapes.SHAPES`."""
    accounts: int = 0
    """Accounts of that campaign."""
    after_s: float = 0.0
    """Seconds of benign traffic before the first campaign; the next follow 90 minutes apart."""


_APART_S = 5400.0


def populate(world: World, crowd: Crowd, planted: PlantedCampaigns, span_s: float) -> list[Account]:
    """Make the accounts, the same ones for the same dice."""
    start_s = world.start_s
    accounts = [
        *people(world, crowd.people),
        *tool_users(world, crowd.tool_users),
        *company(world, crowd.staff),
        *services(world, crowd.services),
        *batches(world, crowd.batches),
        *evaluations(world, crowd.evaluations),
        *pipelines(world, crowd.pipelines),
        *migrations(world, crowd.migrations, start_s + max(span_s / 2, planted.after_s)),
        *tutoring(world, crowd.tutoring),
    ]
    begin_s, lasts_s = start_s + planted.after_s, span_s - planted.after_s
    if planted.pool:
        brief = _brief("pool-1", begin_s, lasts_s, planted.pool_per_day)
        accounts += pool(world, planted.pool, brief)
        begin_s += _APART_S
    if planted.hydra:
        accounts += hydra(world, planted.hydra, _brief("hydra-1", begin_s, lasts_s, 22))
        begin_s += _APART_S
    accounts += [
        lone(world, _brief("", begin_s + i * _APART_S, lasts_s, 5000)) for i in range(planted.lone)
    ]
    if planted.shape:
        shape = SHAPES[planted.shape]
        brief = _brief(f"{planted.shape}-1", begin_s, lasts_s, shape.per_day)
        accounts += shape.build(world, planted.accounts, brief)
    return accounts


def _brief(campaign_id: str, start_s: float, lasts_s: float, per_day: float) -> Brief:
    return Brief(campaign_id=campaign_id, start_s=start_s, end_s=start_s + lasts_s, per_day=per_day)
