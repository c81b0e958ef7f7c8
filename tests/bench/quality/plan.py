"""What a run plays: days, accounts, campaigns, seeds. Ids are permanent, results refer to them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final

import numpy as np

#: Monday 2026-03-02, 00:00 UTC.
START_S: Final = 1_772_409_600.0
DAY_S: Final = 86_400.0
HOUR_S: Final = 3_600.0
BENIGN: Final = "benign"

#: The nine benign twins (../shared/facts/campaigns.md), as account kinds.
TWINS: Final = {
    "evaluation": "nightly evaluation",
    "pipeline": "CI runners",
    "migration": "key migration",
    "company": "company egress",
    "tutoring": "tutoring product",
    "benchmark": "release-day benchmarks",
    "failover": "provider failover",
    "tool": "popular coding tool",
    "batch": "batch API job",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """Benign accounts by kind; ``*_events`` and ``*_per_day`` set how much they ask."""

    # Where there are real traces these follow them (observed.py) ...
    clients: int = 146  # ServeGen: two weeks of 73 clients
    clients_events: int = 300_000
    conversations: int = 250  # Azure, conv
    coders: int = 150  # Azure, code: users of the popular tool
    chats: int = 200  # Mooncake
    writers: int = 600  # people whose real prompts are used, each once
    # ... and these are simulated.
    people: int = 270
    tool_users: int = 60
    vpn: int = 60
    phones: int = 80
    staff: int = 110  # of each of two companies
    services: int = 55
    batches: int = 10
    evaluations: int = 10
    pipelines: int = 12
    migrations: int = 10
    tutoring: int = 12
    benchmarks: int = 14
    failovers: int = 30
    # Conversations that pass between accounts or begin alike, in traffic of their own.
    team_keys: int = 12
    two_keys: int = 12
    links: int = 36
    suggested: int = 36

    @property
    def accounts(self) -> int:
        """Return about how many accounts there are."""
        counts = {field.name: getattr(self, field.name) for field in fields(self)}
        # Staff of two companies, two accounts of each migration and customer of two keys.
        twice = counts["staff"] + counts["migrations"] + counts["two_keys"]
        return sum(counts.values()) - counts["clients_events"] + twice


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One row of the issue's table, with what is to be reached."""

    id: str
    accounts: int
    per_day: float
    items: int  # how many different items it asks
    recall: float  # targets
    leaked: float
    without_text: bool = False  # has to be found without text too
    least: int = 12  # accounts of a smaller plan at least
    precision: float = 0.0  # target of the accounts that are accused


CAMPAIGNS: Final = (
    Campaign(id="pool", accounts=350, per_day=857, items=20_000, recall=0.95, leaked=0.01,
             without_text=True),
    Campaign(id="hydra", accounts=2000, per_day=22, items=8000, recall=0.95, leaked=0.05,
             without_text=True),
    Campaign(id="relay", accounts=500, per_day=5.6, items=0, recall=0.75, leaked=0.05),
    Campaign(id="burst", accounts=400, per_day=2, items=800, recall=0.75, leaked=0.25),
    Campaign(id="lone", accounts=1, per_day=5000, items=50_000, recall=0.95, leaked=0.05,
             without_text=True),
    Campaign(id="slow", accounts=20, per_day=60, items=1500, recall=0.75, leaked=0.25),
    Campaign(id="takeover", accounts=1, per_day=1500, items=3000, recall=0.75, leaked=0.25),
    Campaign(id="pivot", accounts=50, per_day=200, items=2000, recall=0.9, leaked=0.25,
             without_text=True),
    Campaign(id="second-pool", accounts=350, per_day=857, items=20_000, recall=0.95, leaked=0.05,
             without_text=True),
    Campaign(id="pool-evasive", accounts=350, per_day=857, items=20_000, recall=0.9, leaked=0.05),
    Campaign(id="hydra-evasive", accounts=2000, per_day=22, items=8000, recall=0.75, leaked=0.15),
    Campaign(id="relay-evasive", accounts=500, per_day=5.6, items=0, recall=0.75, leaked=0.25),
    Campaign(id="router", accounts=240, per_day=45, items=0, recall=0.95, leaked=0.03,
             without_text=True, least=40),
    Campaign(id="router-sticky", accounts=240, per_day=45, items=0, recall=0.6, leaked=0.2,
             least=40),
    Campaign(id="reseller", accounts=60, per_day=150, items=0, recall=0.6, leaked=0.2),
    Campaign(id="hydra-disjoint", accounts=1000, per_day=11, items=0, recall=0.7, leaked=0.3),
    Campaign(id="succession", accounts=80, per_day=60, items=26_000, recall=0.6, leaked=0.4,
             least=40),
    Campaign(id="lone-hard", accounts=1, per_day=4000, items=80_000, recall=0.95, leaked=0.2),
    # Nine of them, half of each: what counts is whom the alerts accuse.
    Campaign(id="all-at-once", accounts=9, per_day=1, items=0, recall=0.6, leaked=0.05,
             precision=0.95),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that decides the traffic of a run, but for the data it is fitted to.

    Times in days since the start. Campaigns begin within ten hours of ``begins_d``; the second
    pool works in ``second_d`` (begin, ban, return) instead.
    """

    name: str
    seed: int
    days: int = 7
    begins_d: float = 3.0
    release_d: float = 3.38
    outage_d: float = 4.6
    half_d: float = 4.4  # the takeover goes from a tenth to a half
    second_d: tuple[float, float, float] = (2.3, 3.6, 4.35)
    bans_d: tuple[float, ...] = (4.2, 5.6)  # all accounts of the succession at once
    patient_d: float = 0.55  # the hard lone begins, in a population of its own:
    patient_among: int = 1500  # benign accounts
    heavy: int = 12  # of them services of some thousand requests a day
    exits: int = 30  # addresses of the evasive relay's pool
    crowd: Crowd = Crowd()
    campaigns: tuple[Campaign, ...] = CAMPAIGNS

    @property
    def start_s(self) -> float:
        """Return when the traffic begins, epoch seconds."""
        return START_S

    @property
    def end_s(self) -> float:
        """Return when it ends."""
        return START_S + self.days * DAY_S

    def rng(self, *purpose: str) -> np.random.Generator:
        """Return a generator of its own for each purpose: nothing here shifts anything there."""
        return np.random.default_rng([self.seed, *"/".join((self.name, *purpose)).encode()])

    def campaign(self, name: str) -> Campaign:
        """Return a campaign by its id."""
        return next(campaign for campaign in self.campaigns if campaign.id == name)

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the scenarios: nothing planted, and each campaign alone."""
        return (BENIGN, *(campaign.id for campaign in self.campaigns))


def first() -> Plan:
    """Return the plan whose results are recorded."""
    return Plan(name="first", seed=20_261_125)


def quick() -> Plan:
    """Return the same shapes with an eighth of the accounts over three days."""
    return Plan(
        name="quick",
        seed=20_261_126,
        days=3,
        begins_d=1.4,
        release_d=1.62,
        outage_d=2.2,
        half_d=2.0,
        second_d=(1.1, 1.7, 2.1),
        bans_d=(1.95, 2.5),
        crowd=_smaller(Crowd(), 6, clients_events=40_000),
        campaigns=tuple(
            replace(
                campaign,
                accounts=campaign.accounts
                if campaign.accounts < 30
                else max(campaign.least, campaign.accounts // 8),
                items=campaign.items // 8,
            )
            for campaign in CAMPAIGNS
        ),
    )


def _smaller(crowd: Crowd, by: int, **others: int) -> Crowd:
    counts = {field.name: max(4, getattr(crowd, field.name) // by) for field in fields(crowd)}
    return Crowd(**(counts | others))
