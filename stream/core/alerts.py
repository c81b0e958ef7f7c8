"""The alert of the contract: what receivers of the topic, the webhook and the file get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

from stream.core.events import MAX_ACCOUNT_BYTES
from stream.core.feedback import LinkName, Verdict
from stream.core.findings import Evidence, Observed, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

AlertKind = Literal["account", "campaign"]
AlertStatus = Literal["firing", "resolved"]
#: What an account takes in an alert, at most: every character escaped, quotes and a comma.
MAX_MEMBER_BYTES: Final = 2 * MAX_ACCOUNT_BYTES + 3


class SharedValue(msgspec.Struct, frozen=True, kw_only=True):
    """A value that links members of a campaign, by which it can be suppressed."""

    link: LinkName
    value: str  # keyed fingerprint, 16 hex digits
    accounts: int  # members that have it
    members: list[int]  # some of them, as places in ``account_ids``


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
    links: list[SharedValue] = []  # of a campaign, the most shared of each kind
    verdict: Verdict | None = None  # what a person said of it last
    observed: Observed
    techniques: list[str]
    runbook_url: str
    model_version: str
    refresh: bool = False  # newest figures for who reads the topic; receivers are not told
    drill: bool = False  # of a synthetic campaign: nobody has to do anything


def as_sent(alerts: Iterable[Alert]) -> list[Alert]:
    """Return what receivers get, then the newest state of each incident that has a newer one."""
    sent: list[Alert] = []
    newer: dict[str, Alert] = {}
    for alert in alerts:
        newer.pop(alert.alert_id, None)
        if alert.refresh:
            newer[alert.alert_id] = alert
        else:
            sent.append(alert)
    return [*sent, *newer.values()]


_decode = msgspec.json.Decoder(Alert).decode


def alert_in(value: bytes | None) -> Alert | None:
    """Return the alert that a record of the alerts topic holds, None when it is none."""
    try:
        return _decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
