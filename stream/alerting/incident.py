"""One incident and the alert that tells of it. When it changes state is decided elsewhere."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from stream.alerting.updates import Count, Told
from stream.core.alerts import Alert, AlertKind, AlertStatus, SharedValue
from stream.core.feedback import Judgement
from stream.core.findings import Evidence, Observed, Severity, Shared
from stream.core.links import LinkKind

if TYPE_CHECKING:
    from stream.alerting.settings import AlertingSettings


_MOST_EVIDENCE: Final = 5
_EXTRACTION: Final = ("AML.T0024.002", "AML.T0040")
_PROXIES: Final = "AML.T0008.005"
_CONSUMPTION: Final = "LLM10:2025"


class Incident(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known of an incident; times are epoch seconds of event time."""

    alert_id: str
    kind: AlertKind
    subject: str  # the account, or the cluster that it is about now
    campaign_id: str = ""  # as first told; a merger does not change it
    going: bool = False  # there is evidence, whether anybody is told or not
    hidden: str = ""  # what keeps it quiet while it goes on: see Quiet.by
    judgement: Judgement | None = None
    severity: Severity = "info"
    score: float
    started: float
    detected: float
    updated: float = 0.0  # of its latest state on the topic, or when there would have been one
    last: float  # last evidence at or above the clear score
    closed: float = 0.0
    members: list[str] = []
    tally: bytes = b""  # of a campaign, what each member did: TALLY
    sent: Told = Told()  # as receivers know it
    shown: Told = Told()  # as the topic has it
    count: Count = Count()
    observed: Observed
    evidence: list[Evidence]
    shared: list[Shared] = []  # what members had in common when last judged
    proxies: bool = False
    model_version: str
    summary: str = ""

    @property
    def firing(self) -> bool:
        """Say whether it is open as far as anybody is told."""
        return self.going and not self.hidden

    def alert(
        self, settings: AlertingSettings, summary: str = "", *, refresh: bool = False
    ) -> Alert:
        """Return the incident as it is now; a ``refresh`` goes to the topic and no receiver."""
        campaign = self.kind == "campaign"
        status: AlertStatus = "firing" if self.firing else "resolved"
        return Alert(
            alert_id=self.alert_id,
            kind=self.kind,
            status=status,
            severity=self.severity,
            score=round(self.score, 4),
            account_id=None if campaign else self.subject,
            campaign_id=self.campaign_id if campaign else None,
            account_ids=list(self.members) if campaign else None,
            started_at=rfc3339(self.started),
            detected_at=rfc3339(self.detected),
            updated_at=rfc3339(self.updated),
            summary=summary or self.summary,
            evidence=self.evidence[:_MOST_EVIDENCE],
            links=self._links() if campaign else [],
            verdict=self.judgement,
            observed=self.observed,
            techniques=techniques(proxies=self.proxies),
            runbook_url=f"{settings.runbook_url}#{self.kind}",
            model_version=self.model_version,
            refresh=refresh,
        )

    def _links(self) -> list[SharedValue]:
        place = {member: i for i, member in enumerate(self.members)}
        return [
            SharedValue(
                link=LinkKind(one.kind).label,
                value=f"{one.value:016x}",
                accounts=one.accounts,
                members=[place[m] for m in one.members if m in place],
            )
            for one in self.shared
        ]


def alert_id(*cause: str | float) -> str:
    """Return an id that the same cause always gives."""
    packed = msgspec.msgpack.encode(cause)
    return "inc_" + hashlib.blake2b(packed, digest_size=10).hexdigest()


def techniques(*, proxies: bool) -> list[str]:
    """Return the MITRE ATLAS and OWASP ids; ``proxies``: signs of resale or shared exits."""
    return [*_EXTRACTION, *([_PROXIES] if proxies else []), _CONSUMPTION]


def what(incident: Incident) -> str:
    """Name an incident at the beginning of a sentence."""
    if incident.kind == "account":
        return f"Account {incident.subject}"
    return f"Campaign of {len(incident.members)} accounts"


def greater(one: Observed, now: Observed) -> Observed:
    """Return the maximum of all sums: what was observed once stays so; the hour is that of now."""
    return msgspec.structs.replace(
        now,
        requests=max(one.requests, now.requests),
        input_tokens=max(one.input_tokens, now.input_tokens),
        output_tokens=max(one.output_tokens, now.output_tokens),
    )


def rfc3339(time: float) -> str:
    """Return epoch seconds as RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
