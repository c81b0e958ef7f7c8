"""A second set of seeds and parameters, drawn when it is used, and used once.

Nobody can tune on what does not exist: the draw is made from the machine's entropy at the moment
of the run, and stored with the results. A second use is refused, and a run that was interrupted
goes on with its own draw.
"""

from __future__ import annotations

import secrets
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np

from quality.plan import Crowd, Plan, first

if TYPE_CHECKING:
    from pathlib import Path

    from quality.plan import Campaign

NAME = "held-out"


def seed(cache: Path) -> int:
    """Return a seed that nobody knew before, kept in ``cache`` from the first call on."""
    kept = cache / f"{NAME}.seed"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        kept.write_text(f"{secrets.randbits(48)}\n")
    return int(kept.read_text())


def name(plan: Plan) -> str:
    """Return the name of the set that is drawn around a plan."""
    return NAME if plan.name == first().name else f"{NAME}-{plan.name}"


def drawn(seed: int, plan: Plan) -> Plan:
    """Return the plan of a seed: sizes, rates, moments and benign counts around those of ``plan``.

    What makes a campaign what it is stays: 400 accounts with a handful of requests remain that.
    """
    rng = np.random.default_rng([seed, *b"plan"])
    shorter = plan.days / first().days

    def days(low: float, high: float) -> float:
        return shorter * rng.uniform(low, high)

    begins = plan.begins_d + days(-0.4, 0.2)
    return replace(
        plan,
        name=name(plan),
        seed=seed,
        begins_d=begins,
        release_d=begins + days(0.2, 1.2),
        outage_d=days(1.5, 5.5),
        half_d=begins + days(1.0, 2.0),
        second_d=(begins - days(0.4, 1.0), begins + days(0.3, 1.0), begins + days(1.2, 2.0)),
        bans_d=(begins + days(0.9, 1.4), begins + days(2.0, 2.8)),
        patient_d=rng.uniform(0.5, 0.9),
        exits=int(rng.integers(20, 50)),
        crowd=_crowd(plan.crowd, rng),
        campaigns=tuple(_campaign(campaign, rng) for campaign in plan.campaigns),
    )


def _crowd(crowd: Crowd, rng: np.random.Generator) -> Crowd:
    """Vary the twins and the other simulated kinds; people stay above two thousand in all."""
    return Crowd(
        **{
            field.name: max(2, round(getattr(crowd, field.name) * rng.uniform(0.9, 1.4)))
            for field in fields(crowd)
        }
    )


def _campaign(campaign: Campaign, rng: np.random.Generator) -> Campaign:
    accounts = campaign.accounts
    if accounts >= campaign.least:
        accounts = max(campaign.least, round(accounts * rng.uniform(0.6, 1.2)))
    return replace(
        campaign,
        accounts=accounts,
        per_day=campaign.per_day * rng.uniform(0.75, 1.3),
        items=round(campaign.items * rng.uniform(0.6, 1.4)),
    )
