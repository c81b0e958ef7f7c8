"""From canaries in a data set to the accounts that had them, and how probable that is by chance.

The chance is that of the draw, not of any text: each canary was drawn from CANARIES words that are
equally probable, whatever the data set has. Of its words at most ``compared`` are canaries, so a
word that its maker has never seen is among them with probability ``compared / CANARIES`` at most.
Draws are independent: the number of a subject's canaries that are found is binomial at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy.stats import binom

from stream.core.canaries import CANARIES
from stream.core.rfc3339 import rfc3339
from stream.trace.canary_decisions import canary_subjects
from stream.trace.significance import q_values
from stream.trace.trace_result import FoundCanary, TracedCanaries, TracedSubject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream.core.batch import Positions
    from stream.trace.canary_decisions import CanaryDecisions, CanarySubject, UsedCanary

_MOST_ROWS: Final = 1_000
_MOST_FOUND: Final = 1_000
_NO_ROWS: Final = np.zeros(0, np.uint32)


class _Tested(NamedTuple):
    subject: CanarySubject
    found: list[UsedCanary]  # all that the data set has
    could: int  # that were used before the data set was made
    hits: int  # of these
    p: float


class CanaryFindings:
    """What was found of the canaries of all decisions."""

    def __init__(
        self,
        decisions: CanaryDecisions,
        found: Mapping[str, Positions],
        compared: int,
        *,
        dated: float | None,
    ) -> None:
        """``found``: canary -> rows; ``compared``: words of the data set that could be one.

        ``dated``: when the data set was made: canaries that were first used later are not in it.
        """
        self._decisions = decisions
        self._found = found
        self._compared = compared
        self._dated = np.inf if dated is None else dated
        subjects = canary_subjects(decisions.decisions)
        self._tested = [self._test(one) for one in subjects]
        #: Of the subjects that could have been found: the hypotheses.
        self.p = [one.p for one in self._tested if one.could]

    def result(
        self, others: Sequence[float], copied: Mapping[str, Positions], *, level: float
    ) -> TracedCanaries:
        """Return what is named at a false discovery rate of ``level``.

        ``others``: p of the other tests. ``copied``: id of an alert -> rows with runs of
        words of its answers.
        """
        q = iter(q_values([*self.p, *others]))
        shown = [
            self._traced(one, next(q) if one.could else 1.0, copied, level) for one in self._tested
        ]
        return TracedCanaries(
            searched=not self._decisions.missing,
            missing=self._decisions.missing or None,
            sha256=self._decisions.sha256,
            suspicious=self._decisions.suspicious,
            canaries=sum(len(one.subject.canaries) for one in self._tested),
            tested=len(self.p),
            compared=self._compared,
            possible=CANARIES,
            subjects=sorted(
                (one for one in shown if one.found),
                key=lambda one: (one.p, -one.matched_rows, one.subject_kind, one.subject_id),
            ),
        )

    def _test(self, subject: CanarySubject) -> _Tested:
        found = [one for one in subject.canaries if one.word in self._found]
        could = [one for one in subject.canaries if self._could(one)]
        hits = sum(one.word in self._found for one in could)
        return _Tested(subject, found, len(could), hits, self._p(hits, len(could)))

    def _could(self, one: UsedCanary) -> bool:
        return one.first_use is not None and one.first_use < self._dated

    def _p(self, hits: int, canaries: int) -> float:
        chance = min(self._compared / CANARIES, 1.0)
        return float(binom.sf(hits - 1, canaries, chance)) if hits else 1.0

    def _traced(
        self, one: _Tested, q: float, copied: Mapping[str, Positions], level: float
    ) -> TracedSubject:
        subject, found = one.subject, one.found[:_MOST_FOUND]
        rows = _union([self._found[used.word] for used in one.found])
        alerts = sorted({used.alert_id for used in one.found if used.alert_id})
        own = [copied[alert] for alert in alerts if alert in copied]
        reason = self._against(one, q, level)
        uses = [used.first_use for used in one.found if used.first_use is not None]
        return TracedSubject(
            subject_kind=subject.kind,
            subject_id=subject.id,
            alert_ids=alerts,
            named=not reason,
            reason=reason or "its canary is in the data set",
            accounts=subject.accounts,
            canaries=one.could,
            found=[self._shown(used) for used in found],
            matched_rows=len(rows),
            rows=rows[:_MOST_ROWS].tolist(),
            copied_rows=int(np.isin(rows, _union(own)).sum()) if own else None,
            first=rfc3339(min(uses)) if uses else None,
            expected=one.could * min(self._compared / CANARIES, 1.0),
            p=one.p,
            q=q,
        )

    def _against(self, one: _Tested, q: float, level: float) -> str:
        """Return why a subject is not named, "" if it is."""
        if one.hits:
            return "" if q <= level else "so few canaries may be found by chance"
        if any(used.first_use is not None for used in one.found):
            return "the canary was first used after the date of the data set"
        return "no model was ever given the canary: someone who reads decisions knew it"

    def _shown(self, used: UsedCanary) -> FoundCanary:
        return FoundCanary(
            word=used.word,
            decision_id=used.decision_id,
            state=used.state,
            matched_rows=len(self._found[used.word]),
            first_use=None if used.first_use is None else rfc3339(used.first_use),
            ended=None if used.ended is None else rfc3339(used.ended),
        )


def _union(parts: Sequence[Positions]) -> Positions:
    return np.unique(np.concatenate([_NO_ROWS, *parts]))
