"""People's verdicts on incidents, and what they keep quiet; bounded, durable, tells nobody.

A verdict that something was no attack keeps quiet what it was about, for a time: an account,
unless its score rises much beyond what was judged, and a campaign that consists mostly of members
or of linking values of the one that was judged. All verdicts that are held teach (hindsight.py).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Literal, get_args

import msgspec

from stream.accounts.detection.hindsight import Hindsight, Lesson, odds
from stream.alerting import summaries
from stream.alerting.mute import Mute
from stream.alerting.overlap import Sample, hashed
from stream.core.alerts import AlertKind
from stream.core.feedback import Judgement, later

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.alerting.incident import Incident
    from stream.alerting.metrics import AlertingMetrics
    from stream.alerting.mute import ValueId
    from stream.alerting.settings import FeedbackSettings
    from stream.core.findings import Evidence

_ROW: Final = b"j"
_NO_ATTACK: Final = ("false_positive", "benign")

Result = Literal["applied", "repeated", "unknown"]


class Judged(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A judgement, and what it was about as it was then."""

    judgement: Judgement
    kind: AlertKind
    account: str = ""
    score: float
    until: float  # keeps quiet up to then; 0 once that is over
    members: Sample = Sample()
    values: Sample = Sample()
    evidence: dict[str, float]

    @property
    def age(self) -> tuple[float, str]:
        """Return what orders judgements of different incidents."""
        return self.judgement.time, self.judgement.key


class Judgements:
    """The judgements that are held, by incident."""

    #: What stored rows consist of.
    LAYOUT: Final = {
        part.__name__: " ".join(part.__struct_fields__) for part in (Judged, Judgement, Sample)
    }

    def __init__(self, settings: FeedbackSettings, *, metrics: AlertingMetrics) -> None:
        """Start without any."""
        self._settings = settings
        self._metrics = metrics
        self._judged: dict[str, Judged] = {}
        self._dirty: set[str] = set()
        self._hindsight: dict[str, Hindsight] = {}
        self._learn()

    def hear(
        self, time: float, judgement: Judgement, incident: Incident | None, values: set[ValueId]
    ) -> Result:
        """Take in a judgement on an incident; ``values`` link its members, if it is a campaign."""
        known = self._judged.get(judgement.key)
        if known is not None and later(known.judgement, judgement) is known.judgement:
            return "repeated"
        if incident is not None:
            known = self._about(time, judgement, incident, values)
        elif known is not None:  # the incident is forgotten, the judgement is not
            known = msgspec.structs.replace(known, judgement=judgement)
        else:
            return "unknown"
        self._keep(known)
        excess = len(self._judged) - self._settings.max_verdicts
        for oldest in sorted(self._judged.values(), key=lambda j: j.age)[: max(excess, 0)]:
            del self._judged[oldest.judgement.key]
            self._dirty.add(oldest.judgement.key)
            self._metrics.left_out_total.labels(what="verdicts").inc()
        self._learn()
        return "applied"

    def _about(
        self, time: float, judgement: Judgement, incident: Incident, values: set[ValueId]
    ) -> Judged:
        return Judged(
            judgement=judgement,
            kind=incident.kind,
            account=incident.subject if incident.kind == "account" else "",
            score=incident.score,
            until=time + self._settings.quiet_s,
            members=Sample.of(hashed(incident.members)),
            values=Sample.of(hashed(_names(values))),
            evidence=_contributions(incident.evidence),
        )

    def _keep(self, judged: Judged) -> None:
        self._judged[judged.judgement.key] = judged
        self._dirty.add(judged.judgement.key)

    # -- what is quiet ------------------------------------------------------------------------

    @property
    def due(self) -> float:
        """Return when the next of these keeps nothing quiet any more, epoch seconds."""
        return min((j.until for j in self._judged.values() if j.until), default=math.inf)

    def lapse(self, time: float) -> None:
        """Let go of what keeps nothing quiet any more by then."""
        for judged in [j for j in self._judged.values() if 0 < j.until <= time]:
            self._keep(msgspec.structs.replace(judged, until=0.0))

    def mute(self, incident: Incident, values: set[ValueId]) -> Mute | None:
        """Say which judgement keeps an incident quiet; ``values`` link the members of one."""
        held = [
            judged
            for judged in self._judged.values()
            if judged.until
            and judged.kind == incident.kind
            and judged.judgement.verdict in _NO_ATTACK
        ]
        if not held:
            return None
        if incident.kind == "account":
            same = [judged for judged in held if self._is_same_account(judged, incident)]
        else:
            same = self._same_campaigns(held, incident, values)
        if not same:
            return None
        last = max(same, key=lambda judged: judged.age)
        return Mute("verdict", summaries.judged(incident.title, last.judgement))

    def _is_same_account(self, judged: Judged, incident: Incident) -> bool:
        grown = odds(incident.score) - odds(judged.score)
        same = judged.account == incident.subject
        return same and grown < math.log(self._settings.account_odds)

    def _same_campaigns(
        self, held: list[Judged], incident: Incident, values: set[ValueId]
    ) -> list[Judged]:
        members, linking = hashed(incident.members), hashed(_names(values))
        least = self._settings.campaign_share
        return [
            judged
            for judged in held
            if max(judged.members.share(members), judged.values.share(linking)) >= least
        ]

    # -- what was learnt ----------------------------------------------------------------------

    def moved(self, kind: AlertKind, score: float, evidence: Sequence[Evidence]) -> float:
        """Return a score after what verdicts on such evidence have taught."""
        return self._hindsight[kind].moved(score, _contributions(evidence))

    def version(self, kind: AlertKind, model: str) -> str:
        """Return the version of a model together with that of what verdicts have taught."""
        return "+".join(filter(None, (model, self._hindsight[kind].version)))

    def _learn(self) -> None:
        lessons: dict[str, list[Lesson]] = {kind: [] for kind in get_args(AlertKind)}
        for judged in sorted(self._judged.values(), key=lambda judged: judged.age):
            if (said := judged.judgement).verdict != "withdrawn":
                true = said.verdict == "true_positive"
                lessons[judged.kind].append(Lesson(judged.evidence, true, said.author))
        enough, most = self._settings.learn_from, math.log(self._settings.learnt_odds)
        self._hindsight = {
            kind: Hindsight(of_kind, enough=enough, most=most) for kind, of_kind in lessons.items()
        }

    # -- durable rows -------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call; None deletes."""
        names, self._dirty = sorted(self._dirty), set()
        held = {name: self._judged[name] for name in names if name in self._judged}
        rows = {name: msgspec.msgpack.encode(judged) for name, judged in held.items()}
        return [(_ROW + name.encode(), rows.get(name)) for name in names]

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over stored rows in the order they were written; then :meth:`loaded`."""
        for key, row in rows:
            if key[:1] != _ROW:
                continue
            self._judged.pop(key[1:].decode(), None)
            if row is not None:
                judged = msgspec.msgpack.decode(row, type=Judged)
                self._judged[judged.judgement.key] = judged

    def loaded(self) -> None:
        """Say that all rows are loaded."""
        self._learn()


def _names(values: Iterable[ValueId]) -> list[str]:
    return [f"{kind}:{value}" for kind, value in values]


def _contributions(evidence: Iterable[Evidence]) -> dict[str, float]:
    return {piece.feature: piece.contribution for piece in evidence}
