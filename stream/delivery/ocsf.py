"""Alerts as OCSF Detection Findings (class 2004) for a SIEM that takes events by HTTP.

https://schema.ocsf.io/1.5.0/classes/detection_finding. An incident is one finding: created,
updated, closed, under the uid of the alert. The evidence is in ``anomaly_analyses``.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Unpack

from stream import __version__
from stream.core.alerts import degrees_of
from stream.core.techniques import ATLAS
from stream.delivery.message import message, page_link
from stream.delivery.posting import Edges, PostingSink

if TYPE_CHECKING:
    from stream.core.alerts import Alert
    from stream.core.findings import Evidence, Severity
    from stream.delivery.message import Message
    from stream.delivery.settings import OcsfSettings

#: The first version with ``anomaly_analyses``.
_VERSION: Final = "1.5.0"
_FINDINGS: Final = 2
_DETECTION_FINDING: Final = 2004
_CREATE, _UPDATE, _CLOSE = 1, 2, 3
_NEW, _RESOLVED = 1, 4
_LEARNING: Final = 4  # the kind of an analytic
_SEVERITIES: Final[dict[Severity, int]] = {"info": 2, "warning": 3, "critical": 5}
_MOST_ACCOUNTS: Final = 500


class OcsfSink(PostingSink):
    """Posts each state of an incident as a finding."""

    name = "ocsf"

    def __init__(self, settings: OcsfSettings, **edges: Unpack[Edges]) -> None:
        """Check the address."""
        super().__init__(settings, **edges)
        self._authorization = settings.authorization

    def _write(self, alert: Alert) -> Message:
        return message(alert, finding(alert, page_link(self._page, alert)))

    def _headers(self, message: Message, now_s: float) -> dict[str, str]:
        del message, now_s
        return {"Authorization": self._authorization.reveal()} if self._authorization else {}


def finding(alert: Alert, link: str = "") -> dict[str, Any]:
    """Return the finding of one state of one incident; ``link`` opens it on the page."""
    activity = _activity(alert)
    accounts = [alert.account_id] if alert.account_id else alert.account_ids or []
    created, updated = _milliseconds(alert.detected_at), _milliseconds(alert.updated_at)
    return {
        "category_uid": _FINDINGS,
        "class_uid": _DETECTION_FINDING,
        "activity_id": activity,
        "type_uid": _DETECTION_FINDING * 100 + activity,
        "time": updated,
        "start_time": _milliseconds(alert.started_at),
        "severity_id": _SEVERITIES[alert.severity],
        "status_id": _RESOLVED if activity == _CLOSE else _NEW,
        "is_alert": activity != _CLOSE,
        "confidence_score": round(100 * alert.score),
        "message": alert.summary,
        "metadata": {
            "version": _VERSION,
            "product": {"name": "distillwatch", "vendor_name": "distillwatch"}
            | {"version": __version__},
            "uid": f"{alert.alert_id}/{alert.status}/{alert.updated_at}",
        },
        "finding_info": {
            "uid": alert.alert_id,
            "title": f"Model extraction by {alert.kind}",
            "desc": alert.summary,
            "types": ["model-extraction", *(t for t in alert.techniques if not _atlas(t))],
            "created_time": created,
            "modified_time": updated,
            "first_seen_time": _milliseconds(alert.started_at),
            "src_url": link or alert.runbook_url,
            "analytic": {
                "uid": f"distillwatch.{alert.kind}",
                "name": alert.kind,
                "type_id": _LEARNING,
                "version": alert.model_version,
            },
            "attacks": [_attack(technique) for technique in alert.techniques if _atlas(technique)],
        },
        "evidences": [
            {"actor": {"user": {"uid": account}}} for account in accounts[:_MOST_ACCOUNTS]
        ],
        "anomaly_analyses": [_analysis(alert)],
        "unmapped": {
            "accounts_total": len(accounts),
            "observed": alert.observed,
            **({"degrees": degrees_of(alert)._asdict()} if alert.members else {}),
        },
    }


def _activity(alert: Alert) -> int:
    if alert.status == "resolved":
        return _CLOSE
    return _CREATE if alert.updated_at == alert.detected_at else _UPDATE


def _analysis(alert: Alert) -> dict[str, Any]:
    return {
        "analysis_targets": [
            {
                "name": alert.account_id or alert.campaign_id or alert.alert_id,
                "type": "User Account" if alert.kind == "account" else "Campaign",
            }
        ],
        "anomalies": [_observation(part, part.value) for part in alert.evidence],
        "baselines": [
            _observation(part, part.baseline)
            for part in alert.evidence
            if part.baseline is not None
        ],
    }


def _observation(part: Evidence, value: float) -> dict[str, Any]:
    return {
        "observation_parameter": f"{part.feature} ({part.unit})",
        "observation_type": part.meaning,
        "observations": [{"value": f"{value:g}"}],
    }


def _atlas(technique: str) -> bool:
    return technique.startswith("AML.")


def _attack(technique: str) -> dict[str, Any]:
    """Return a technique of MITRE ATLAS; a second dot marks a sub-technique."""
    whole = ".".join(technique.split(".")[:2])
    found: dict[str, Any] = {"technique": _named(whole)}
    return found if whole == technique else found | {"sub_technique": _named(technique)}


def _named(technique: str) -> dict[str, str]:
    return {"uid": technique, "name": ATLAS.get(technique, technique)}


def _milliseconds(time: str) -> int:
    return round(datetime.fromisoformat(time).timestamp() * 1000)
