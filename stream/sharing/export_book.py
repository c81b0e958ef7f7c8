"""The records about incidents that may be exported, however often their records are read.

Alerts are read first: of the other topics only what the wanted campaigns name is kept, so that no
number of other records takes its room. Alerts are not signed: only what has the shape of an id or a
name is taken in. Accounts are counted here and not kept.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from stream.core.alerts import Alert, alert_in, degrees_of
from stream.core.errors import UsageError
from stream.core.feedback import Verdict, newer
from stream.core.indicators import ForeignIndicator, ShareableValue, with_confidence
from stream.decisions.register import Register
from stream.intake.sharing.indicator_table import is_network

if TYPE_CHECKING:
    from stream.core.decisions import Decision
    from stream.decisions.signature import Signer

#: Incidents of one export, and values that they name (assumed; deploy/bounds.md).
MOST_INCIDENTS: Final = 10_000
MOST_VALUES: Final = 2_000_000
_CAMPAIGN_ID: Final = re.compile(r"cmp_[0-9a-f]{16}")
_INCIDENT_ID: Final = re.compile(r"inc_[0-9a-f]{20}")
_TECHNIQUE: Final = re.compile(r"AML\.T[0-9]{4}(\.[0-9]{3})?|[A-Z]{2,5}[0-9]{2}:[0-9]{4}")
_FEATURE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{16}")
_MOST_AMOUNT: Final = 10**15

_value = msgspec.json.Decoder(ShareableValue).decode
_foreign = msgspec.json.Decoder(ForeignIndicator).decode
_verdict = msgspec.json.Decoder(Verdict).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCampaign:
    """One campaign as it may leave: no account, text, address or payment; times epoch seconds."""

    incident_id: str
    campaign_id: str
    started: float
    detected: float
    updated: float
    score: float
    accounts: int
    requests: int
    output_tokens: int
    evidence: tuple[str, ...]
    techniques: tuple[str, ...]
    #: Attribute, fingerprint under the own salt, and members that have it.
    links: tuple[tuple[str, str, int], ...]
    digest: bytes


class ExportBook:
    """Takes in records; mutable."""

    def __init__(
        self, wanted: frozenset[str], period: tuple[float, float], signer: Signer | None, most: int
    ) -> None:
        """Keep the campaigns ``wanted`` by incident or campaign id; without any, of the period.

        ``period`` has the first moment and the one after the last, of the first alert. Without a
        ``signer`` no decision is read; ``most`` is of decisions.
        """
        self._wanted = wanted
        self._period = period
        self._register = None if signer is None else Register(signer, most=most)
        self._verdicts: dict[str, Verdict] = {}
        self._linked: set[tuple[str, str]] = set()
        self._values: dict[tuple[str, str], ShareableValue] = {}
        self._foreign: dict[str, ForeignIndicator] = {}
        self.campaigns: dict[str, SharedCampaign] = {}
        self.damaged = 0

    def take_alert(self, value: bytes | None) -> None:
        """Take in a record of the alerts topic; raises UsageError beyond the bound."""
        alert = alert_in(value)
        if alert is None or alert.drill or alert.kind != "campaign":
            self.damaged += alert is None
            return
        found = _campaign(alert, value or b"")
        if found is None:
            self.damaged += 1
            return
        if not self._is_wanted(found):
            return
        known = self.campaigns.get(found.incident_id)
        if known is None or (found.updated, found.digest) > (known.updated, known.digest):
            self.campaigns[found.incident_id] = found
            if len(self._linked) < MOST_VALUES:
                self._linked.update((link, own) for link, own, _ in found.links)
        if len(self.campaigns) > MOST_INCIDENTS:
            raise UsageError(
                f"--from, --to: more than {MOST_INCIDENTS:,} campaigns; export a shorter period"
            )

    def take_decision(
        self, key: bytes | None, value: bytes | None, signature: bytes | None
    ) -> None:
        """Take in a record of the decisions topic."""
        if self._register is not None:
            self._register.read(key, value, signature)

    def take_verdict(self, value: bytes | None) -> None:
        """Take in a record of the verdicts topic."""
        try:
            found = _verdict(value or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.damaged += 1
            return
        if found.key in self.campaigns:
            self._verdicts[found.key] = newer(self._verdicts.get(found.key), found)

    def take_value(self, value: bytes | None) -> None:
        """Take in a record of the topic with values that may be shared."""
        try:
            found = _value(value or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.damaged += 1
            return
        if found.kind == "network" and not is_network(found.shared):
            self.damaged += 1
        elif (found.kind, found.own) in self._linked:
            self._values[found.kind, found.own] = found

    def take_foreign(self, value: bytes | None) -> None:
        """Take in a record of the topic with indicators of other operators."""
        try:
            found = _foreign(value or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.damaged += value is not None
            return
        if found.key_id and not found.withdrawn:
            mark = with_confidence(
                np.array([int(found.value, 16)], np.uint64), np.array([found.confidence])
            )
            name = f"{int(mark[0]):016x}"
            if ("indicator", name) in self._linked:
                self._foreign[name] = found

    def value_of(self, kind: str, own: str) -> ShareableValue | None:
        """Return the value with this own fingerprint as it may be shared."""
        return self._values.get((kind, own))

    def foreign_of(self, value: str) -> ForeignIndicator | None:
        """Return the indicator behind the value of an indicator link."""
        return self._foreign.get(value)

    def verdict_of(self, incident_id: str) -> Verdict | None:
        """Return the latest verdict on an incident."""
        return self._verdicts.get(incident_id)

    def decisions_of(self, incident_id: str) -> list[Decision]:
        """Return the latest states of the decisions on an incident that were carried out, by id."""
        states = () if self._register is None else self._register.states
        found = [
            one.decision
            for one in states
            if one.decision.reason.alert_id == incident_id
            and one.decision.approved_at is not None
            and not one.decision.simulated
            and not one.decision.drill
        ]
        return sorted(found, key=lambda decision: decision.key)

    def _is_wanted(self, found: SharedCampaign) -> bool:
        if self._wanted:
            return bool(self._wanted & {found.incident_id, found.campaign_id})
        return self._period[0] <= found.detected < self._period[1]


def _campaign(alert: Alert, value: bytes) -> SharedCampaign | None:
    """Return what may leave of an alert, None where a field has what no alert has."""
    started, detected, updated = map(_time, (alert.started_at, alert.detected_at, alert.updated_at))
    if started is None or detected is None or updated is None or updated < detected:
        return None
    names = (
        (_INCIDENT_ID, [alert.alert_id]),
        (_CAMPAIGN_ID, [alert.campaign_id or ""]),
        (_TECHNIQUE, alert.techniques),
        (_FEATURE, [one.feature for one in alert.evidence]),
        (_FINGERPRINT, [one.value for one in alert.links]),
    )
    if not all(pattern.fullmatch(name) for pattern, found in names for name in found):
        return None
    amounts = [alert.observed.requests, alert.observed.output_tokens]
    amounts += [one.accounts for one in alert.links]
    if not all(0 <= amount <= _MOST_AMOUNT for amount in amounts) or not 0 <= alert.score <= 1:
        return None
    degrees = degrees_of(alert)
    return SharedCampaign(
        incident_id=alert.alert_id,
        campaign_id=alert.campaign_id or "",
        started=min(started, detected),
        detected=detected,
        updated=updated,
        score=alert.score,
        accounts=degrees.certain + degrees.likely,
        requests=alert.observed.requests,
        output_tokens=alert.observed.output_tokens,
        evidence=tuple(one.feature for one in alert.evidence),
        techniques=tuple(sorted(set(alert.techniques))),
        links=tuple(sorted((one.link, one.value, one.accounts) for one in alert.links)),
        digest=hashlib.sha256(value).digest(),
    )


def _time(text: str) -> float | None:
    """Return RFC 3339 as epoch seconds, None where it is something else."""
    try:
        found = datetime.fromisoformat(text)
        time = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return time if 0 < time < 1e11 else None  # noqa: PLR2004
