"""The open alerts as Alertmanager needs them, posted again and again. Does no I/O.

Alertmanager identifies an alert by its labels and resolves it when posts stop, so labels have only
what never changes during an incident. Severity is a label for routing and can rise: then the alert
ends under its old labels and starts under the new ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from stream.core.alerts import degrees_of
from stream.delivery.message import page_link, shortened

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.core.alerts import Alert
    from stream.core.findings import Severity

#: An end is posted again for this long: a replica may have been down. As Prometheus does.
_ENDED_S: Final = 900.0
#: A restarted worker does not send the end of a drill: it stays open for at most this long.
_DRILL_S: Final = 3600.0
_SOME_ACCOUNTS: Final = 50
_TEXT: Final = 2000
_NAMES: Final = {"account": "DistillwatchAccount", "campaign": "DistillwatchCampaign"}


@dataclass(slots=True)
class PostedAlert:
    """An incident under one set of labels; times are epoch seconds."""

    partition: int
    labels: dict[str, str]
    annotations: dict[str, str]
    started_s: float
    ended_s: float | None = None
    until_s: float = math.inf  # posted no longer than this


class OpenAlerts:
    """The alerts to post, by incident and severity; mutable."""

    def __init__(self, page: str = "") -> None:
        """Start empty; ``page`` is the address of the page that annotations link to."""
        self._page = page
        self._alerts: dict[str, dict[Severity, PostedAlert]] = {}

    def apply(self, partition: int, alert: Alert, written_s: float) -> None:
        """Apply a state of an incident, in order, that was written at ``written_s``."""
        firing = alert.status == "firing"
        before = self._alerts.get(alert.alert_id, {})
        for severity, posted in before.items():
            if posted.ended_s is None and not (firing and severity == alert.severity):
                posted.ended_s = written_s
                posted.annotations = annotations_of(alert, self._page)
        if firing:
            self._alerts[alert.alert_id] = before | {
                alert.severity: PostedAlert(
                    partition,
                    labels_of(alert),
                    annotations_of(alert, self._page),
                    datetime.fromisoformat(alert.started_at).timestamp(),
                    until_s=written_s + _DRILL_S if alert.drill else math.inf,
                )
            }

    def refresh(self, alert: Alert) -> None:
        """Apply the newest figures of an incident; no alert starts or ends by them."""
        posted = self._alerts.get(alert.alert_id, {}).get(alert.severity)
        if posted is not None and posted.ended_s is None:
            posted.annotations = annotations_of(alert, self._page)

    def forget_partition(self, partition: int) -> None:
        """Drop the alerts of a partition: another worker reads it now."""
        self._keep(lambda posted: posted.partition != partition)

    def payload(self, now_s: float, *, keep_s: float) -> list[dict[str, Any]]:
        """Return the alerts to post; an open one ends ``keep_s`` from now unless posted again."""
        ended = now_s - _ENDED_S
        self._keep(lambda at: at.until_s > now_s and (at.ended_s is None or at.ended_s > ended))
        return [
            _post(posted, now_s, keep_s)
            for of_incident in self._alerts.values()
            for posted in of_incident.values()
        ]

    def _keep(self, keep: Callable[[PostedAlert], bool]) -> None:
        kept = {
            name: {severity: at for severity, at in of_incident.items() if keep(at)}
            for name, of_incident in self._alerts.items()
        }
        self._alerts = {name: of_incident for name, of_incident in kept.items() if of_incident}


def labels_of(alert: Alert) -> dict[str, str]:
    """Return what never changes during an incident, and its severity."""
    subject = {"account_id": alert.account_id, "campaign_id": alert.campaign_id}
    return {
        "alertname": _NAMES[alert.kind],
        "severity": alert.severity,
        "service": "distillwatch",
        "alert_id": alert.alert_id,
        **({"drill": "true"} if alert.drill else {}),
        **{name: value for name, value in subject.items() if value},
    }


def annotations_of(alert: Alert, page: str = "") -> dict[str, str]:
    """Return what changes while an incident is open."""
    accounts = [alert.account_id] if alert.account_id else alert.account_ids or []
    link = page_link(page, alert)
    evidence = "; ".join(f"{e.meaning} ({e.value:g} {e.unit})" for e in alert.evidence)
    return {
        "summary": f"Model extraction by {alert.kind}",
        "description": shortened(alert.summary, _TEXT),
        "runbook_url": alert.runbook_url,
        **({"page_url": link} if link else {}),
        "score": f"{alert.score:g}",
        "evidence": shortened(evidence, _TEXT),
        "accounts": " ".join(accounts[:_SOME_ACCOUNTS]),
        "accounts_total": str(len(accounts)),
        **({"degrees": str(degrees_of(alert))} if alert.members else {}),
        "requests": str(alert.observed.requests),
        "output_tokens": str(alert.observed.output_tokens),
        "output_tokens_last_hour": str(alert.observed.output_tokens_last_hour),
        "techniques": " ".join(alert.techniques),
    }


def _post(posted: PostedAlert, now_s: float, keep_s: float) -> dict[str, Any]:
    ends_s = now_s + keep_s if posted.ended_s is None else min(posted.ended_s, now_s)
    return {
        "labels": posted.labels,
        "annotations": posted.annotations,
        # The time of events may be a little ahead of ours; an alert must not end before it starts.
        "startsAt": _rfc3339(min(posted.started_s, ends_s, now_s)),
        "endsAt": _rfc3339(ends_s),
    }


def _rfc3339(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat()
