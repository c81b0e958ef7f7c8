"""People's verdicts on incidents: what they mute and what they teach. Bounded, durable.

A verdict of "no attack" mutes what it was about for a while: an account, unless its score rises
far above that of the verdict, and a campaign that consists mostly of members or of shared
values of the labelled one. Every verdict here calibrates scores
(:mod:`stream.accounts.detection.feedback_calibration`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal, get_args

import msgspec

from stream.accounts.detection.feedback_calibration import (
    FeedbackCalibration,
    LabelledExample,
    odds,
)
from stream.alerting import summaries
from stream.alerting.mute import Mute
from stream.alerting.overlap import Sample, hashed
from stream.core.alerts import AlertKind
from stream.core.feedback import Verdict, newer
from stream.store.layouts import of_structs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from stream.alerting.feedback_settings import FeedbackSettings
    from stream.alerting.incident import Incident
    from stream.alerting.metrics import AlertingMetrics
    from stream.alerting.mute import ValueId
    from stream.core.findings import Evidence

_ROW: Final = b"j"
_MUTING: Final = ("false_positive", "benign")

#: Outcome of a verdict: the values of the metric's label.
Result = Literal["applied", "repeated", "unknown"]


class VerdictRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A verdict, and the incident as it was at that time."""

    verdict: Verdict
    kind: AlertKind
    account: str = ""
    score: float
    until: float  # mutes up to then, epoch seconds; 0 once that is over
    members: Sample = Sample()
    values: Sample = Sample()
    evidence: dict[str, float]

    @property
    def age(self) -> tuple[float, str]:
        """Return what orders verdicts of different incidents."""
        return self.verdict.time, self.verdict.key


class VerdictTable:
    """The latest verdict on each incident."""

    #: What stored rows consist of.
    layout: Final = of_structs(VerdictRecord)

    def __init__(self, settings: FeedbackSettings, *, metrics: AlertingMetrics) -> None:
        """Start without any."""
        self._settings = settings
        self._metrics = metrics
        self._records: dict[str, VerdictRecord] = {}
        self._dirty: set[str] = set()
        self._calibrations: dict[str, FeedbackCalibration] = {}
        self._calibrate()

    def record(
        self, time: float, verdict: Verdict, incident: Incident | None, values: set[ValueId]
    ) -> Result:
        """Take in a verdict on an incident; ``values`` link the members of a campaign."""
        known = self._records.get(verdict.key)
        if known is not None and newer(known.verdict, verdict) is known.verdict:
            return "repeated"
        if incident is not None:
            known = self._record_of(time, verdict, incident, values)
        elif known is not None:  # the incident is forgotten, the verdict is not
            known = msgspec.structs.replace(known, verdict=verdict)
        else:
            return "unknown"
        self._keep(known)
        excess = len(self._records) - self._settings.max_verdicts
        for oldest in sorted(self._records.values(), key=lambda j: j.age)[: max(excess, 0)]:
            del self._records[oldest.verdict.key]
            self._dirty.add(oldest.verdict.key)
            self._metrics.limit_hits_total.labels(limit="verdicts").inc()
        self._calibrate()
        return "applied"

    def _record_of(
        self, time: float, verdict: Verdict, incident: Incident, values: set[ValueId]
    ) -> VerdictRecord:
        return VerdictRecord(
            verdict=verdict,
            kind=incident.kind,
            account=incident.subject if incident.kind == "account" else "",
            score=incident.score,
            until=time + self._settings.mute_s,
            members=Sample.of(hashed(incident.members)),
            values=Sample.of(hashed(_names(values))),
            evidence=_contributions(incident.evidence),
        )

    def _keep(self, record: VerdictRecord) -> None:
        self._records[record.verdict.key] = record
        self._dirty.add(record.verdict.key)

    def forget(self, accounts: Collection[str]) -> None:
        """Drop accounts from what verdicts were about; what these teach stays."""
        gone = {*hashed(accounts).tolist()}
        for record in [*self._records.values()]:
            left = msgspec.structs.replace(
                record,
                account="" if record.account in accounts else record.account,
                members=record.members.without(gone),
            )
            if left != record:
                self._keep(left)

    # -- muting -------------------------------------------------------------------------------

    @property
    def due(self) -> float:
        """Return when the next of these stops muting, epoch seconds."""
        return min((j.until for j in self._records.values() if j.until), default=math.inf)

    def expire(self, time: float) -> None:
        """Stop muting what was muted up to ``time``."""
        for record in [j for j in self._records.values() if 0 < j.until <= time]:
            self._keep(msgspec.structs.replace(record, until=0.0))

    def mute(self, incident: Incident, values: set[ValueId]) -> Mute | None:
        """Return the verdict that mutes an incident; ``values`` link the members of a campaign."""
        held = [
            record
            for record in self._records.values()
            if record.until and record.kind == incident.kind and record.verdict.label in _MUTING
        ]
        if not held:
            return None
        if incident.kind == "account":
            most = math.log(self._settings.account_odds)
            same = [record for record in held if _is_same_account(record, incident, most)]
        else:
            same = self._same_campaigns(held, incident, values)
        if not same:
            return None
        last = max(same, key=lambda record: record.age)
        return Mute("verdict", summaries.labelled(incident.title, last.verdict))

    def _same_campaigns(
        self, held: list[VerdictRecord], incident: Incident, values: set[ValueId]
    ) -> list[VerdictRecord]:
        members, linking = hashed(incident.members), hashed(_names(values))
        least = self._settings.campaign_share
        return [
            record
            for record in held
            if max(record.members.share(members), record.values.share(linking)) >= least
        ]

    # -- calibration --------------------------------------------------------------------------

    def adjusted(self, kind: AlertKind, score: float, evidence: Sequence[Evidence]) -> float:
        """Return a score, adjusted by the verdicts on such evidence."""
        return self._calibrations[kind].adjusted_score(score, _contributions(evidence))

    def version(self, kind: AlertKind, model: str) -> str:
        """Return the version of a model together with that of its calibration by verdicts."""
        return "+".join(filter(None, (model, self._calibrations[kind].version)))

    def _calibrate(self) -> None:
        examples: dict[str, list[LabelledExample]] = {kind: [] for kind in get_args(AlertKind)}
        for record in sorted(self._records.values(), key=lambda record: record.age):
            if (verdict := record.verdict).label != "withdrawn":
                true = verdict.label == "true_positive"
                examples[record.kind].append(LabelledExample(record.evidence, true, verdict.author))
        enough, most = self._settings.learn_from, math.log(self._settings.learnt_odds)
        self._calibrations = {
            kind: FeedbackCalibration(of_kind, enough=enough, most=most)
            for kind, of_kind in examples.items()
        }

    # -- durable rows -------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        names, self._dirty = sorted(self._dirty), set()
        held = {name: self._records[name] for name in names if name in self._records}
        rows = {name: msgspec.msgpack.encode(record) for name, record in held.items()}
        return [(_ROW + name.encode(), rows.get(name)) for name in names]

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; then :meth:`loaded`."""
        for key, row in rows:
            if key[:1] != _ROW:
                continue
            self._records.pop(key[1:].decode(), None)
            if row is not None:
                record = msgspec.msgpack.decode(row, type=VerdictRecord)
                self._records[record.verdict.key] = record

    def loaded(self) -> None:
        """Continue after the last row is loaded."""
        self._calibrate()


def _is_same_account(record: VerdictRecord, incident: Incident, most: float) -> bool:
    """Return whether an incident is that of a verdict, its log odds grown by less than ``most``."""
    grown = odds(incident.score) - odds(record.score)
    return record.account == incident.subject and grown < most


def _names(values: Iterable[ValueId]) -> list[str]:
    return [f"{kind}:{value}" for kind, value in values]


def _contributions(evidence: Iterable[Evidence]) -> dict[str, float]:
    return {piece.feature: piece.contribution for piece in evidence}
