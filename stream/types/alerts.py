"""The alert of the contract: what receivers of the topic, the webhook and the file get."""

from __future__ import annotations

from typing import Literal

import msgspec

from stream.types.verdicts import Evidence, Observed, Severity

AlertKind = Literal["account", "campaign"]
AlertStatus = Literal["firing", "resolved"]


class Alert(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One state of one incident; times are RFC 3339 in UTC, event time."""

    alert_id: str
    kind: AlertKind
    status: AlertStatus
    severity: Severity
    score: float
    account_id: str | None = None
    campaign_id: str | None = None
    account_ids: list[str] | None = None
    started_at: str
    detected_at: str
    updated_at: str
    summary: str
    evidence: list[Evidence]
    observed: Observed
    techniques: list[str]
    runbook_url: str
    model_version: str
