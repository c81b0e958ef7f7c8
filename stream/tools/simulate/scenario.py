"""Scenarios by permanent id: seeded gateway traffic, lazily made, with the truth about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from stream.core.errors import UsageError
from stream.tools.simulate.dice import Dice
from stream.tools.simulate.population import Crowd, PlantedCampaigns, populate
from stream.tools.simulate.request import Label, Request
from stream.tools.simulate.rhythms import DAY_S
from stream.tools.simulate.traffic import requests
from stream.tools.simulate.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.tools.simulate.account import Account

START_S: Final = 1_772_409_600.0
"""Monday 2026-03-02, 00:00 UTC: a fixed day, so that the same seed gives the same bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Traffic to be made: the same value gives the same events every time."""

    id: str
    crowd: Crowd
    planted: PlantedCampaigns
    span_s: float
    start_s: float = START_S
    seed: int = 0
    text: bool = True

    def _roots(self) -> tuple[np.random.Generator, np.random.Generator]:
        population, traffic = np.random.SeedSequence([self.seed, *self.id.encode()]).spawn(2)
        return np.random.default_rng(population), np.random.default_rng(traffic)

    @property
    def accounts(self) -> list[Account]:
        """All accounts, made again: rhythms have state."""
        rng, _ = self._roots()
        return populate(World(Dice(rng), self.start_s), self.crowd, self.planted, self.span_s)

    def events(self) -> Iterator[Request]:
        """Yield the requests in time order."""
        _, rng = self._roots()
        return requests(
            self.accounts, rng, start_s=self.start_s, span_s=self.span_s, text=self.text
        )

    def lines(self) -> Iterator[bytes]:
        """Yield the same as JSON, one object each, without the line feed."""
        encode = msgspec.json.Encoder().encode
        return (encode(event) for event in self.events())

    def labels(self) -> list[Label]:
        """Return the truth about every account, with or without requests.

        An account attacks when a part of its traffic does.
        """
        labels: dict[str, Label] = {}
        for a in self.accounts:
            if a.attack:
                labels[a.account_id] = Label(a.account_id, "attack", a.campaign_id)
            else:
                labels.setdefault(a.account_id, Label(a.account_id, "benign"))
        return list(labels.values())


_HALF_DAY = DAY_S / 2
_TWINS = Crowd()
#: Soon, for those who watch: behind the six hours in which all existing accounts begin.
_DEMO = PlantedCampaigns(pool=40, hydra=80, lone=1, after_s=8 * 3600.0)

SCENARIOS: Final = {
    s.id: s
    for s in (
        Scenario(id="demo", crowd=_TWINS, planted=_DEMO, span_s=DAY_S),
        Scenario(id="benign", crowd=_TWINS, planted=PlantedCampaigns(), span_s=2 * DAY_S),
        Scenario(
            id="pool",
            crowd=_TWINS,
            planted=PlantedCampaigns(pool=200, after_s=_HALF_DAY),
            span_s=1.5 * DAY_S,
        ),
        Scenario(
            id="hydra",
            crowd=_TWINS,
            planted=PlantedCampaigns(hydra=400, after_s=_HALF_DAY),
            span_s=2 * DAY_S,
        ),
        Scenario(
            id="lone",
            crowd=_TWINS,
            planted=PlantedCampaigns(lone=1, after_s=_HALF_DAY),
            span_s=2 * DAY_S,
        ),
        Scenario(
            id="week",
            crowd=Crowd(
                people=900,
                tool_users=350,
                staff=150,
                services=110,
                batches=15,
                evaluations=8,
                pipelines=14,
                migrations=8,
                tutoring=12,
            ),
            planted=PlantedCampaigns(pool=120, hydra=500, lone=1, after_s=3 * DAY_S),
            span_s=7 * DAY_S,
        ),
        *(
            Scenario(
                id=shape,
                crowd=_TWINS,
                planted=PlantedCampaigns(shape=shape, accounts=accounts, after_s=DAY_S),
                span_s=3 * DAY_S,
            )
            for shape, accounts in (
                ("relay", 150),
                ("burst", 120),
                ("slow", 20),
                ("takeover", 1),
                ("pivot", 20),
                ("second-pool", 40),
                ("pool-evasive", 40),
                ("hydra-evasive", 200),
                ("relay-evasive", 150),
                ("router", 40),
                ("router-sticky", 40),
                ("reseller", 12),
                ("hydra-disjoint", 200),
                ("lone-hard", 1),
                ("succession", 40),
            )
        ),
    )
}
"""The ids are permanent: results are compared over versions by them."""


def scenario(name: str, *, seed: int = 0, start_s: float | None = None) -> Scenario:
    """Take one by id; ``start_s`` (epoch seconds) moves it to another day."""
    try:
        found = SCENARIOS[name]
    except KeyError:
        known = ", ".join(SCENARIOS)
        raise UsageError(f"scenario {name!r} is unknown; expected one of: {known}") from None
    return replace(found, seed=seed, start_s=found.start_s if start_s is None else start_s)
