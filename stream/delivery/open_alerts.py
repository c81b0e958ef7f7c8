"""The open incidents as Alertmanager has to see them, over and over; no I/O.

Alertmanager knows an alert by its labels and forgets it when nobody posts it any more, so labels
hold only what an incident keeps for life. The severity, by which people route, can rise: then the
incident ends under its old labels and begins under the new.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from stream.delivery.message import shortened

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.core.alerts import Alert
    from stream.core.findings import Severity

#: How long an end is said again: a replica may have been away. As Prometheus does.
_ENDED_S: Final = 900.0
#: The end of a drill is not told when its worker has started anew: it stands so long at the most.
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
    until_s: float = math.inf  # nobody speaks of it any longer


class OpenAlerts:
    """What stands, by incident and severity; mutable."""

    def __init__(self) -> None:
        """Start empty."""
        self._standing: dict[str, dict[Severity, PostedAlert]] = {}

    def hear(self, partition: int, alert: Alert, written_s: float) -> None:
        """Take in a state of an incident, in order, that was written at ``written_s``."""
        firing = alert.status == "firing"
        before = self._standing.get(alert.alert_id, {})
        for severity, standing in before.items():
            if standing.ended_s is None and not (firing and severity == alert.severity):
                standing.ended_s = written_s
                standing.annotations = annotations_of(alert)
        if firing:
            self._standing[alert.alert_id] = before | {
                alert.severity: PostedAlert(
                    partition,
                    labels_of(alert),
                    annotations_of(alert),
                    datetime.fromisoformat(alert.started_at).timestamp(),
                    until_s=written_s + _DRILL_S if alert.drill else math.inf,
                )
            }

    def renew(self, alert: Alert) -> None:
        """Take in the newest figures of an incident; nothing begins or ends by them."""
        standing = self._standing.get(alert.alert_id, {}).get(alert.severity)
        if standing is not None and standing.ended_s is None:
            standing.annotations = annotations_of(alert)

    def forget(self, partition: int) -> None:
        """Forget what a partition said: somebody else reads it now."""
        self._keep(lambda standing: standing.partition != partition)

    def posts(self, now_s: float, *, keep_s: float) -> list[dict[str, Any]]:
        """Return what to post: open incidents hold for ``keep_s``, ended ones have ended."""
        ended = now_s - _ENDED_S
        self._keep(lambda at: at.until_s > now_s and (at.ended_s is None or at.ended_s > ended))
        return [
            _post(standing, now_s, keep_s)
            for of_incident in self._standing.values()
            for standing in of_incident.values()
        ]

    def _keep(self, worth: Callable[[PostedAlert], bool]) -> None:
        kept = {
            name: {severity: at for severity, at in of_incident.items() if worth(at)}
            for name, of_incident in self._standing.items()
        }
        self._standing = {name: of_incident for name, of_incident in kept.items() if of_incident}


def labels_of(alert: Alert) -> dict[str, str]:
    """Return what an incident keeps for life, and its severity."""
    subject = {"account_id": alert.account_id, "campaign_id": alert.campaign_id}
    return {
        "alertname": _NAMES[alert.kind],
        "severity": alert.severity,
        "service": "distillwatch",
        "alert_id": alert.alert_id,
        **({"drill": "true"} if alert.drill else {}),
        **{name: value for name, value in subject.items() if value},
    }


def annotations_of(alert: Alert) -> dict[str, str]:
    """Return what changes while an incident goes on."""
    accounts = [alert.account_id] if alert.account_id else alert.account_ids or []
    evidence = "; ".join(f"{e.meaning} ({e.value:g} {e.unit})" for e in alert.evidence)
    return {
        "summary": f"Model extraction by {alert.kind}",
        "description": shortened(alert.summary, _TEXT),
        "runbook_url": alert.runbook_url,
        "score": f"{alert.score:g}",
        "evidence": shortened(evidence, _TEXT),
        "accounts": " ".join(accounts[:_SOME_ACCOUNTS]),
        "accounts_total": str(len(accounts)),
        "requests": str(alert.observed.requests),
        "output_tokens": str(alert.observed.output_tokens),
        "output_tokens_last_hour": str(alert.observed.output_tokens_last_hour),
        "techniques": " ".join(alert.techniques),
    }


def _post(standing: PostedAlert, now_s: float, keep_s: float) -> dict[str, Any]:
    ends_s = now_s + keep_s if standing.ended_s is None else min(standing.ended_s, now_s)
    return {
        "labels": standing.labels,
        "annotations": standing.annotations,
        # The time of events may be a little ahead of ours; an alert must not end before it starts.
        "startsAt": _rfc3339(min(standing.started_s, ends_s, now_s)),
        "endsAt": _rfc3339(ends_s),
    }


def _rfc3339(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat()
