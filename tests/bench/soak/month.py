"""The traffic of a soak: a benign crowd, and a campaign in each week, of the simulator's parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from stream.tools.report.labels import Labels
from stream.tools.simulate.benign.company import company
from stream.tools.simulate.benign.jobs import batches, evaluations, pipelines
from stream.tools.simulate.benign.people import people, tool_users
from stream.tools.simulate.benign.services import migrations, services, tutoring
from stream.tools.simulate.dice import Dice
from stream.tools.simulate.planted.materials import Brief
from stream.tools.simulate.planted.shapes import SHAPES
from stream.tools.simulate.rhythms import DAY_S, Between
from stream.tools.simulate.traffic import requests
from stream.tools.simulate.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.tools.simulate.account import Account
    from stream.tools.simulate.request import Request

#: Monday 2026-03-02, 00:00 UTC. Longer ago than a month: events from the future are refused.
START_S: Final = 1_772_409_600.0
_WEEK_D: Final = 7.0
#: A campaign begins on the fourth day of its week, when what is usual has been learnt, and works
#: for three days.
_BEGINS_D: Final = 3.0
_LASTS_D: Final = 3.0
#: In a run that is too short for that it begins after this share of the run.
_BEGINS_SHARE: Final = 0.4


class Planted(NamedTuple):
    """A shape of the simulator: how many accounts, how many requests a day of each."""

    shape: str
    accounts: int
    per_day: float


#: Week by week; the fifth week begins again. Rates are a part of the published ones: they fit the
#: crowd, which is small so that the run leaves most of a machine to others.
WEEKS: Final = (
    Planted("pool", 20, 150.0),
    Planted("hydra", 80, 22.0),
    Planted("router", 40, 45.0),
    Planted("pool-evasive", 24, 150.0),
)


class CampaignSpan(NamedTuple):
    """A campaign and when it works, epoch seconds."""

    campaign: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Month:
    """The traffic of some days; the same value gives the same events every time."""

    days: float
    seed: int = 0

    @property
    def end_s(self) -> float:
        """Return when the traffic ends, epoch seconds."""
        return START_S + self.days * DAY_S

    def campaigns(self) -> list[CampaignSpan]:
        """Return the campaigns, by time."""
        begins = min(_BEGINS_D, _BEGINS_SHARE * self.days)
        found = []
        for week in range(int(np.ceil(self.days / _WEEK_D))):
            start_d = week * _WEEK_D + begins
            end_d = min(start_d + _LASTS_D, self.days)
            if end_d - start_d >= min(_LASTS_D / 2, self.days / 2):
                name = f"{WEEKS[week % len(WEEKS)].shape}-{week + 1}"
                span = START_S + start_d * DAY_S, START_S + end_d * DAY_S
                found.append(CampaignSpan(name, *span))
        return found

    def accounts(self) -> list[Account]:
        """Return all accounts, made again: rhythms have state."""
        population, _ = self._roots()
        world = World(Dice(population), START_S)
        half_s = START_S + self.days * DAY_S / 2
        made = [
            *people(world, 130),
            *tool_users(world, 60),
            *company(world, 40),
            *services(world, 25, scale=0.15),
            *batches(world, 2, requests=500),
            *evaluations(world, 2, per_day=500),
            *pipelines(world, 2),
            *migrations(world, 1, half_s, per_day=400),
            *tutoring(world, 3, per_day=300),
        ]
        for week, span in enumerate(self.campaigns()):
            planted = WEEKS[week % len(WEEKS)]
            brief = Brief(
                campaign_id=span.campaign,
                start_s=span.start_s,
                end_s=span.end_s,
                per_day=planted.per_day,
            )
            made += [
                replace(account, rhythm=Between(account.rhythm, span.start_s, span.end_s))
                for account in SHAPES[planted.shape].build(world, planted.accounts, brief)
            ]
        return made

    def labels(self) -> Labels:
        """Return the truth about every account."""
        return Labels.of(
            (one.account_id, "attack" if one.attack else "benign", one.campaign_id)
            for one in {account.account_id: account for account in self.accounts()}.values()
        )

    def requests(self) -> Iterator[Request]:
        """Yield the requests in time order, with text."""
        _, traffic = self._roots()
        return requests(
            self.accounts(), traffic, start_s=START_S, span_s=self.days * DAY_S, text=True
        )

    def _roots(self) -> tuple[np.random.Generator, np.random.Generator]:
        population, traffic = np.random.SeedSequence([self.seed, 300]).spawn(2)
        return np.random.default_rng(population), np.random.default_rng(traffic)
