"""Detects anomalous accounts: score, decide, then learn; never from an anomalous account.

One detector sees the accounts of the whole deployment, whatever task they belong to, so that what
is usual does not depend on the number of tasks. Accounts with enough requests in the last day are
scored, each at most every quarter of an hour of event time. Lighter accounts are left to the
campaigns room. The detector only composes its parts::

    observations -> AccountScorer -> AccountStates -> findings
                         ^                 |
                         '- LearningPolicy + DriftGuard: may this account be learnt from?
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec.structs import asdict

from stream.accounts.detection import checkpoint
from stream.accounts.detection.account_states import AccountState, AccountStates
from stream.accounts.detection.drift import DriftGuard
from stream.accounts.detection.learning import LearningPolicy
from stream.accounts.detection.observations import ObservedAccounts
from stream.accounts.detection.scorer import AccountScorer
from stream.accounts.features.snapshot import HOUR_S
from stream.accounts.features.table import COLUMN
from stream.core.findings import AccountFinding
from stream.core.thresholds import DEFAULT_THRESHOLDS, ScoreThresholds
from stream.store.columns import Field

if TYPE_CHECKING:
    from stream.accounts.detection.evidence import EvidenceBreakdown
    from stream.accounts.detection.observations import Observations
    from stream.accounts.detection.scorer import Observation
    from stream.accounts.detection.settings import DetectionSettings
    from stream.accounts.metrics import AccountsMetrics
    from stream.core.batch import AccountSlots, Floats, Mask
    from stream.store.account_table import AccountTable

_BLOB: Final = "detector"


class Detector:
    """The account detector of a deployment; deterministic given the order of calls."""

    FIELDS: Final = (
        Field("first_seen", np.dtype("<f8"), initial=np.nan),
        Field("observed_at", np.dtype("<f8")),  # epoch seconds
        *LearningPolicy.FIELDS,
        *AccountScorer.FIELDS,
        *AccountStates.FIELDS,
    )

    def __init__(
        self,
        settings: DetectionSettings,
        table: AccountTable,
        *,
        metrics: AccountsMetrics,
        thresholds: ScoreThresholds = DEFAULT_THRESHOLDS,
    ) -> None:
        """Work on ``table``, which must have :attr:`FIELDS`."""
        self._thresholds = thresholds
        self._table = table
        self._score_metric = metrics.score.labels(kind="account")
        self.states: Final = AccountStates(
            table,
            thresholds,
            sustain_s=settings.sustain_s,
            quiet_period_s=settings.quiet_period_s,
        )
        self.learning: Final = LearningPolicy(settings, table)
        self._scorer = AccountScorer(settings, table, open_score=thresholds.open_score)
        self._drift = DriftGuard(score_every_s=settings.score_every_s)
        self._changed: dict[str, int] = {}

    @property
    def model_version(self) -> str:
        """Return the version of the model: it changes with features and trees."""
        return self._scorer.structure.version

    @property
    def layout(self) -> dict[str, str]:
        """Return everything that must agree for stored models to mean the same."""
        return {name: str(part) for name, part in asdict(self._scorer.structure).items()}

    @property
    def suppressed(self) -> int:
        """Return how many accounts are suspect and suppressed by the drift guard."""
        drift = self._drift.drift
        if not drift.exceeded:
            return 0
        used = self._table.columns.in_use
        suspect = self.states.of(used) == AccountState.SUSPECT
        return int(np.count_nonzero(suspect & self._suppressed(drift.time, used)))

    def detect(self, time: float, seen: Observations) -> list[AccountFinding]:
        """Score the accounts that were observed in one window, which ends at ``time``.

        Returns a finding for every account at or above the clear score.
        """
        findings: list[AccountFinding] = []
        portion = self._table.portion
        for first in range(0, len(seen), portion):
            part = seen.take(slice(first, first + portion))
            slots = self._table.slots(part.accounts, priority=self.eviction_priority)
            self._table["first_seen"][slots] = part.rows["first_seen"]
            self._table["observed_at"][slots] = time
            before = self.states.of(slots)
            findings += self._score(time, ObservedAccounts.of(slots, part.rows))
            self._note_changes(part, before, self.states.of(slots))
        return findings

    def take_changed_states(self) -> dict[str, int]:
        """Return account -> :class:`AccountState` of those that changed since the last call."""
        changed, self._changed = self._changed, {}
        return changed

    def eviction_priority(self, slots: AccountSlots) -> Floats:
        """Return when each account was observed last, shape ``(n,)``: the oldest goes first."""
        return np.asarray(self._table["observed_at"][slots])

    def _note_changes(self, seen: Observations, before: Floats, after: Floats) -> None:
        for i in np.flatnonzero(before != after).tolist():
            self._changed[seen.accounts[i]] = int(after[i])

    def _score(self, time: float, observed: ObservedAccounts) -> list[AccountFinding]:
        """Score accounts (n,), update their states and let the population learn."""
        slots, matrix = observed.slots, observed.matrix
        seen = self._scorer.observe(observed)
        settled = self.learning.settled(time, slots)
        if not self.learning.warmed_up(time):
            self._learn_population(time, seen, settled)
            return []
        age_days = matrix[:, COLUMN["age"]]
        scores, evidence = self._scorer.score(
            seen,
            known_h=(time - self._table["first_seen"][slots]) / HOUR_S,
            whole_life_seen=self.learning.whole_life_seen(time, age_days),
            appeared=self.learning.appeared(time, slots, age_days),
        )
        suspect = scores >= self._thresholds.clear_score
        self._drift.observe(time, settled, suspect)
        suppressed = self._suppressed(time, slots)
        scores = self.states.update(time, slots, matrix, scores, suppressed)
        for score in scores.tolist():
            self._score_metric.observe(score)
        findings = [
            self._finding(time, i, float(scores[i]), seen, evidence)
            for i in np.flatnonzero(suspect).tolist()
        ]
        benign = ~self.states.anomalous(slots) & ~(suspect & suppressed)
        self._scorer.learn_calibration(time, slots, evidence, benign)
        self._learn_population(time, seen, settled & (~suspect | suppressed))
        return findings

    def _suppressed(self, time: float, slots: AccountSlots) -> Mask:
        """Return which accounts (n,) the drift guard suppresses."""
        return self._drift.suppresses(
            self.learning.settled(time, slots), self.states.anomalous(slots)
        )

    def _learn_population(self, time: float, seen: Observation, allowed: Mask) -> None:
        """Let the population learn from ``allowed`` accounts (n,), each once in a while."""
        slots = seen.observed.slots
        chosen = allowed & self.learning.population_due(time, slots)
        if chosen.any():
            self.learning.note_population(time, slots[chosen])
            self._scorer.learn_population(time, seen, chosen)

    def _finding(
        self, time: float, i: int, score: float, seen: Observation, evidence: EvidenceBreakdown
    ) -> AccountFinding:
        slot = int(seen.observed.slots[i])
        return AccountFinding(
            account_id=self._table.name(slot),
            time=time,
            since=self.states.episodes.since(slot),
            score=score,
            evidence=self._scorer.explain(i, seen, evidence),
            observed=self.states.episodes.observed(slot, seen.observed.matrix[i]),
            model_version=self.model_version,
        )

    # -- state --------------------------------------------------------------------------------

    def state(self) -> dict[str, bytes]:
        """Return what was learnt, without code: arrays and numbers with their versions."""
        learning, drift = self.learning, self._drift.drift
        learnt = checkpoint.Learnt(learning.began, learning.accounts, drift)
        return {_BLOB: self._scorer.pack(learnt)}

    def restore(self, stored: dict[str, bytes]) -> None:
        """Restore what :meth:`state` gave; raises StateError when it does not fit."""
        if (blob := stored.get(_BLOB)) is None:
            return
        learnt = self._scorer.unpack(blob)
        self.learning.began, self.learning.accounts = learnt.began, learnt.accounts
        self._drift.drift = learnt.drift
