"""Small towns of light accounts by what they ask and when; played into the alerting stage's parts.

Prompts are drawn from vocabularies of subjects and fingerprinted as intake does. People ask in
sessions; the lengths of their pauses and how unlike they are follow published figures.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from stream.accounts.topics.residents import TopicResidents
from stream.alerting.settings import AlertingSettings
from stream.campaigns.settings import CampaignSettings
from stream.core.findings import Group, LightPrompt, Member
from stream.core.links import LinkKind
from stream.core.traffic import COUNTS, TRAFFIC
from stream.intake.fingerprint.prompts import Prompts
from stream.metrics import Metrics
from stream.pipeline.incident_flow import IncidentFlow
from stream.store.account_table import AccountTable
from testlib.traffic.link_traffic import fingerprint

if TYPE_CHECKING:
    from stream.core.alerts import Alert

Rng = np.random.Generator

HOUR_S = 3600.0
START_S = 1_772_409_600.0  # midnight
SUBJECTS = 80
#: The subject that surges in every story.
NARROW = 0
_WORDS = 60  # of each subject
_COMMON = [f"common{i}" for i in range(60)]
_SALT = b"a salt of the operator's own ...."


@dataclass
class Asker:
    """A light account.

    ``subjects`` has what it asks until ``turn_h`` and ``later`` what it asks then, as (subject,
    weight); ``sessions`` a day of ``prompts`` each, at ``hours`` of the day.
    """

    name: str
    subjects: dict[int, float]
    sessions: float
    prompts: float
    hours: tuple[int, int] = (8, 23)
    begins_h: float = 0.0
    turn_h: float = 0.0
    later: dict[int, float] | None = None
    organization: int = 0
    _hours: deque[tuple[int, int]] = field(default_factory=deque)
    _total: int = 0
    _first_s: float = 0.0

    def asks(self, rng: Rng, hour: int) -> list[int]:
        """Return the subjects of what it asks in an hour."""
        first, last = self.hours
        awake = (hour - first) % 24 < ((last - first) % 24 or 24)
        if hour < self.begins_h or not awake:
            return []
        count = sum(1 + rng.poisson(self.prompts - 1) for _ in range(rng.poisson(self._rate())))
        weights = self.later if self.later is not None and hour >= self.turn_h else self.subjects
        odds = np.array([*weights.values()])
        return rng.choice([*weights], count, p=odds / odds.sum()).tolist() if count else []

    def _rate(self) -> float:
        first, last = self.hours
        return self.sessions / ((last - first) % 24 or 24)

    def member(self, hour: int, count: int) -> Member:
        """Return the account at the end of an hour in which it asked ``count`` times."""
        end = START_S + (hour + 1) * HOUR_S
        self._first_s = self._first_s or end
        self._hours.append((hour, count))
        while self._hours[0][0] <= hour - 24:
            self._hours.popleft()
        before, self._total = self._total, self._total + count
        counts = np.array((before, 400 * before, 900 * before, 0), COUNTS)
        total = (self._total, 400 * self._total, 900 * self._total, 0)
        traffic = np.array((self._first_s, end, total, count, 900 * count, 0), TRAFFIC)
        return Member(
            self.name, end, end, 1, self.organization, None, self._first_s,
            float(sum(n for _, n in self._hours)), len(self._hours),
            counts.tobytes(), traffic.tobytes(),
        )  # fmt: skip


def text(rng: Rng, subject: int) -> str:
    """Write a prompt about a subject: half of its words are anybody's."""
    own = [f"s{subject}w{i}" for i in (rng.zipf(1.4, 12) - 1) % _WORDS]
    return " ".join([*own, *rng.choice(_COMMON, 12), f"unique{rng.integers(10**9)}"])


def people(rng: Rng, count: int) -> list[Asker]:
    """Return people of a few subjects each, who ask in sessions; some a lot, most a little."""
    return [
        Asker(
            name=f"person-{i}",
            subjects=dict.fromkeys(rng.choice(SUBJECTS, 3, replace=False).tolist(), 1.0),
            sessions=float(min(rng.lognormal(0.4, 0.8), 8)),
            prompts=5,
            hours=((first := int(rng.integers(24))), (first + 15) % 24),
        )
        for i in range(count)
    ]


def at_home(time: float, member: Member) -> Group:
    """Return an account's own address, by which alerting knows of it."""
    value = fingerprint(LinkKind.ADDRESS, member.account_id)
    return Group(
        kind=LinkKind.ADDRESS, value=value, time=time, since=time, size=1, members=[member]
    )


def run(askers: list[Asker], *, hours: int, seed: int = 1) -> list[Alert]:
    """Return every alert of what they ask over ``hours``."""
    rng = np.random.default_rng(seed)
    topics = TopicResidents(AccountTable(TopicResidents.FIELDS, max_accounts=10_000))
    metrics = Metrics()
    incidents = IncidentFlow(AlertingSettings(), CampaignSettings(), metrics=metrics)
    fingerprints = Prompts(_SALT)
    alerts: list[Alert] = []
    for hour in range(hours):
        end = START_S + (hour + 1) * HOUR_S
        asked = [(asker, found) for asker in askers if (found := asker.asks(rng, hour))]
        columns = fingerprints.of([text(rng, found[0]) for _, found in asked] or [None])
        prompts = [
            LightPrompt(end, prompt.tobytes(), cells.tobytes(), asker.member(hour, len(found)))
            for (asker, found), prompt, cells in zip(
                asked, columns["prompt"], columns["word_cells"], strict=False
            )
        ]
        new = [one.member for one in prompts if one.member.first_seen == end]
        groups = [*topics.step(end, prompts), *(at_home(end, member) for member in new)]
        alerts += incidents.step(end, [], groups)
    return alerts
