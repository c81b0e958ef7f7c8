"""The alert that shows an incident as it is now. Decides neither whether nor when it is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream import __version__
from stream.alerting.member_groups import member_groups
from stream.core.alerts import Alert, SharedValue
from stream.core.links import LinkKind
from stream.core.rfc3339 import rfc3339

if TYPE_CHECKING:
    from stream.alerting.incident import Incident

#: Pieces of evidence in an alert, the strongest: more than a person reads at once (assumed).
_MOST_EVIDENCE: Final = 5
#: MITRE ATLAS: extract the model through its inference API.
_EXTRACTION: Final = ("AML.T0024.002", "AML.T0040")
#: MITRE ATLAS: acquire infrastructure, proxies.
_PROXIES: Final = "AML.T0008.005"
#: OWASP Top 10 for LLM applications 2025: unbounded consumption.
_CONSUMPTION: Final = "LLM10:2025"


def alert_of(
    incident: Incident, runbook_url: str, summary: str = "", *, refresh: bool = False
) -> Alert:
    """Return the incident as an alert; a ``refresh`` goes to the topic and to no receiver."""
    campaign = incident.kind == "campaign"
    return Alert(
        alert_id=incident.alert_id,
        kind=incident.kind,
        status="firing" if incident.is_firing else "resolved",
        severity=incident.severity,
        score=round(incident.score, 4),
        account_id=None if campaign else incident.subject,
        campaign_id=incident.campaign_id if campaign else None,
        account_ids=list(incident.members) if campaign else None,
        peripheral_ids=list(incident.peripheral),
        members=member_groups(incident) if campaign else [],
        started_at=rfc3339(incident.started),
        detected_at=rfc3339(incident.detected),
        updated_at=rfc3339(incident.updated),
        summary=summary or incident.summary,
        evidence=incident.evidence[:_MOST_EVIDENCE],
        links=_links(incident) if campaign else [],
        verdict=incident.verdict,
        observed=incident.observed,
        traffic=list(incident.traffic),
        techniques=techniques(proxies=incident.proxies),
        runbook_url=f"{runbook_url.replace('{version}', __version__)}#{incident.kind}",
        model_version=incident.model_version,
        refresh=refresh,
    )


def techniques(*, proxies: bool) -> list[str]:
    """Return the MITRE ATLAS and OWASP ids; ``proxies``: signs of resale or shared exits."""
    return [*_EXTRACTION, *([_PROXIES] if proxies else []), _CONSUMPTION]


def _links(incident: Incident) -> list[SharedValue]:
    position = {member: i for i, member in enumerate(incident.members)}
    return [
        SharedValue(
            link=LinkKind(one.kind).label,
            value=f"{one.value:016x}",
            accounts=one.accounts,
            members=[position[m] for m in one.members if m in position],
        )
        for one in incident.shared
    ]
