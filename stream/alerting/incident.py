r"""One incident as an immutable value, and every transition of its state. Sends nothing.

::

                    finding             no mute: alert
    (none) ──────────────────▶ open ──────────────────▶ notified ──┐ update
                                │                        │   ▲  ▲  │
                                │ mute                   │   │  └──┘
                                ▼                  mute  ▼   │ mute ends
                            suppressed_by_… ◀────────────────┘
                                │                        │
                                └──────┬─────────────────┘
                                       ▼ no evidence for resolve_after_s, or merged
                                    resolved ──▶ open   finding within the cool-down: same id

``open`` lasts only until the notifier has decided, within the same window.
"""

from __future__ import annotations

import hashlib
import math
from enum import StrEnum
from typing import TYPE_CHECKING, Self

import msgspec
from msgspec.structs import replace

from stream.alerting.severity import higher
from stream.core.alerts import AlertKind
from stream.core.feedback import Verdict
from stream.core.findings import Evidence, Observed, Severity, Shared, TrafficGroup

if TYPE_CHECKING:
    from stream.alerting.roster import Roster


class IncidentState(StrEnum):
    """Whether there is evidence, and whether receivers know."""

    OPEN = "open"
    NOTIFIED = "notified"
    SUPPRESSED_BY_VERDICT = "suppressed_by_verdict"
    SUPPRESSED_BY_ACCOUNT = "suppressed_by_account"
    SUPPRESSED_BY_VALUE = "suppressed_by_value"
    SUPPRESSED_BY_PATTERN = "suppressed_by_pattern"
    RESOLVED = "resolved"


class Figures(msgspec.Struct, frozen=True, array_like=True):
    """The size of an incident at ``time``, epoch seconds."""

    time: float = -math.inf
    members: int = 0
    observed: Observed = Observed()


class UpdateCount(msgspec.Struct, frozen=True, array_like=True):
    """The updates sent on a day, counted from the first alert; ``deferred``: one is waiting."""

    day: int = 0
    sent: int = 0
    deferred: bool = False


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector has found out about an incident, after feedback has adjusted the score."""

    score: float
    severity: Severity
    last: float  # latest evidence, epoch seconds
    evidence: list[Evidence]
    observed: Observed
    traffic: list[TrafficGroup] = []
    shared: list[Shared] = []
    proxies: bool = False  # signs of resale or shared exits
    model_version: str
    summary: str


class Incident(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known about an incident; times are epoch seconds of event time."""

    alert_id: str
    kind: AlertKind
    subject: str  # the account, or the cluster that it is about now; "": merged
    campaign_id: str = ""  # as first sent; a merger does not change it
    state: IncidentState = IncidentState.OPEN
    verdict: Verdict | None = None
    severity: Severity = "info"
    score: float = 0.0
    started: float
    detected: float
    updated: float = 0.0  # time of its latest state, sent or suppressed
    last: float  # latest evidence at or above the clear score
    closed: float = 0.0
    members: list[str] = []  # of a campaign: the accounts that it accuses
    memberships: bytes = b""  # how sure each of them is: MEMBERSHIP
    tally: bytes = b""  # what each of them did: TALLY
    peripheral: list[str] = []  # accounts beside them, of which nothing is counted
    peripheral_memberships: bytes = b""
    sent: Figures = Figures()  # as receivers know it
    published: Figures = Figures()  # as the topic has it
    updates: UpdateCount = UpdateCount()
    observed: Observed = Observed()
    traffic: list[TrafficGroup] = []  # the same by country and by model
    evidence: list[Evidence] = []
    shared: list[Shared] = []  # what members had in common when last scored
    proxies: bool = False
    model_version: str = ""
    summary: str = ""

    # -- what it is ---------------------------------------------------------------------------

    @property
    def is_open(self) -> bool:
        """Return whether there is evidence, whether receivers know or not."""
        return self.state is not IncidentState.RESOLVED

    @property
    def is_firing(self) -> bool:
        """Return whether receivers know it as firing."""
        return self.state is IncidentState.NOTIFIED

    @property
    def title(self) -> str:
        """Return its name for the beginning of a sentence."""
        if self.kind == "account":
            return f"Account {self.subject}"
        return f"Campaign of {len(self.members)} accounts"

    @property
    def accounts(self) -> list[str]:
        """Return the accounts that it accuses."""
        return self.members if self.kind == "campaign" else [self.subject]

    # -- transitions --------------------------------------------------------------------------

    def apply(self, finding: Finding) -> Self:
        """Return it with new evidence: a resolved incident opens again."""
        return replace(
            self,
            state=self.state if self.is_open else IncidentState.OPEN,
            severity=higher(finding.severity, self.severity),
            score=finding.score,
            last=max(self.last, finding.last),
            evidence=finding.evidence,
            observed=finding.observed,
            traffic=finding.traffic,
            shared=finding.shared,
            proxies=finding.proxies,
            model_version=finding.model_version,
            summary=finding.summary,
        )

    def notify(self, time: float) -> Self:
        """Return it as sent to receivers and written to the topic."""
        return replace(self, state=IncidentState.NOTIFIED).record_sent(time)

    def suppress(self, time: float, state: IncidentState, *, count: bool) -> Self:
        """Return it as hidden; ``state``: by what; ``count``: an alert was due."""
        hidden = replace(self, state=state)
        if not count:
            return hidden
        return replace(hidden, updated=max(time, self.updated), sent=self.figures(time))

    def resolve(self, time: float, summary: str) -> Self:
        """Return it as over."""
        return replace(self, state=IncidentState.RESOLVED, closed=time, summary=summary)

    # -- bookkeeping --------------------------------------------------------------------------

    def record_sent(self, time: float) -> Self:
        """Return it with its present figures known to receivers and on the topic."""
        return replace(self, sent=self.figures(time)).record_published(time)

    def record_published(self, time: float) -> Self:
        """Return it with its present figures on the topic.

        Each state of an incident has a time of its own: id and time identify a message.
        """
        updated = max(time, math.floor(self.updated) + 1.0)
        return replace(self, updated=updated, published=self.figures(time))

    def record_updates(self, updates: UpdateCount) -> Self:
        """Return it with another count of updates."""
        return replace(self, updates=updates)

    def record_verdict(self, verdict: Verdict) -> Self:
        """Return it with a person's verdict."""
        return replace(self, verdict=verdict)

    def rename(self, subject: str) -> Self:
        """Return it as the incident of another cluster; "": of none, so nothing re-opens it."""
        return replace(self, subject=subject)

    def replace_members(self, roster: Roster, tally: bytes) -> Self:
        """Return it with the accounts of a roster; ``tally`` is of those that it accuses."""
        members, memberships = roster.part(accused_ones=True)
        peripheral, beside = roster.part(accused_ones=False)
        return replace(
            self,
            members=members,
            memberships=memberships,
            tally=tally,
            peripheral=peripheral,
            peripheral_memberships=beside,
        )

    def figures(self, time: float) -> Figures:
        """Return its size now."""
        return Figures(time, len(self.members), self.observed)


def alert_id(*cause: str | float) -> str:
    """Return an id that the same cause always gives."""
    packed = msgspec.msgpack.encode(cause)
    return "inc_" + hashlib.blake2b(packed, digest_size=10).hexdigest()
