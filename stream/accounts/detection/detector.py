"""Detects anomalous accounts: score, decide, then learn; never from an anomalous account.

Accounts with enough requests in the last day are scored, each at most every quarter of an hour of
event time. Lighter accounts are left to the campaigns room. The detector only composes its parts::

    features -> AccountScorer -> AccountStates -> findings
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
from stream.accounts.detection.scorer import AccountScorer
from stream.accounts.features.table import COLUMN
from stream.core.findings import AccountFinding
from stream.core.thresholds import DEFAULT_THRESHOLDS, ScoreThresholds
from stream.store.columns import Field

if TYPE_CHECKING:
    from stream.accounts.detection.evidence import EvidenceBreakdown
    from stream.accounts.detection.scorer import Observation
    from stream.accounts.detection.settings import DetectionSettings
    from stream.accounts.metrics import AccountsMetrics
    from stream.core.batch import AccountSlots, Floats, Mask
    from stream.store.account_table import AccountTable

_BLOB: Final = "detector"


class Detector:
    """The detector of one partition task; deterministic given the order of calls."""

    FIELDS: Final = (
        Field("next_scored", np.dtype("<f8")),
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
        seed: int = 0,
    ) -> None:
        """Work on ``table``, which must have :attr:`FIELDS`; ``seed`` differs by task."""
        self._settings = settings
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
        self._scorer = AccountScorer(settings, table, open_score=thresholds.open_score, seed=seed)
        self._drift = DriftGuard(score_every_s=settings.score_every_s)
        self.change_points: Final = self._scorer.change_points

    @property
    def model_version(self) -> str:
        """Return the version of the model: it changes with features and trees."""
        return self._scorer.structure.version

    @property
    def layout(self) -> dict[str, str]:
        """Return everything that must agree for stored models to mean the same."""
        return {f"model {name}": str(part) for name, part in asdict(self._scorer.structure).items()}

    @property
    def warming_up(self) -> int:
        """Return how many tracked accounts have no baseline of their own yet."""
        return int(np.count_nonzero(~self._scorer.has_baseline(self._table.columns.in_use)))

    @property
    def suppressed(self) -> int:
        """Return how many accounts are suspect and suppressed by the drift guard."""
        drift = self._drift.drift
        if not drift.exceeded:
            return 0
        used = self._table.columns.in_use
        suspect = self.states.of(used) == AccountState.SUSPECT
        return int(np.count_nonzero(suspect & self._suppressed(drift.time, used)))

    def due(self, time: float, slots: AccountSlots, requests_day: Floats) -> Mask:
        """Return which accounts are to be scored or learnt from at ``time``, shape ``(n,)``.

        :meth:`detect` needs no others, nor their features: most active accounts were scored
        minutes ago.
        """
        heavy = requests_day >= self._settings.min_requests
        scored = heavy & (self._table["next_scored"][slots] <= time)
        return np.asarray(scored | self.learning.baseline_due(time, slots))

    def detect(self, time: float, slots: AccountSlots, matrix: Floats) -> list[AccountFinding]:
        """Score the accounts of one window, at least those that are :meth:`due`.

        ``slots`` (n,), distinct; ``matrix`` (n, F) as ``features.table.compute`` returns it;
        ``time`` the end of the window, epoch seconds. Returns a finding for every account at or
        above the clear score.
        """
        heavy = matrix[:, COLUMN["requests_day"]] >= self._settings.min_requests
        due = heavy & (self._table["next_scored"][slots] <= time)
        findings: list[AccountFinding] = []
        if due.any():
            findings = self._score(time, slots[due], matrix[due])
            self._table["next_scored"][slots[due]] = time + self._settings.score_every_s
        self._learn_baselines(time, slots, matrix)
        return findings

    def _score(self, time: float, slots: AccountSlots, matrix: Floats) -> list[AccountFinding]:
        """Score accounts (n,), update their states and let the population learn."""
        seen = self._scorer.observe(slots, matrix)
        settled = self.learning.settled(time, slots)
        if not self.learning.warmed_up(time):
            self._learn_population(time, seen, settled)
            return []
        whole = self.learning.whole_life_seen(time, matrix[:, COLUMN["age"]])
        scores, evidence = self._scorer.score(time, seen, whole_life_seen=whole)
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

    # -- learning -----------------------------------------------------------------------------

    def _learn_population(self, time: float, seen: Observation, allowed: Mask) -> None:
        """Let the population learn from ``allowed`` accounts (n,), each once in a while."""
        chosen = allowed & self.learning.population_due(time, seen.slots)
        if chosen.any():
            self.learning.note_population(time, seen.slots[chosen])
            self._scorer.learn_population(time, seen, chosen)

    def _learn_baselines(self, time: float, slots: AccountSlots, matrix: Floats) -> None:
        """Learn the baselines of all accounts, light ones too, unless they alone are suspect."""
        calm = (self.states.of(slots) < AccountState.SUSPECT) | self._suppressed(time, slots)
        calm &= self.learning.allowed(time, slots)
        due = calm & self.learning.baseline_due(time, slots)
        if due.any():
            self._scorer.learn_baselines(time, slots[due], matrix[due])

    def _finding(
        self, time: float, i: int, score: float, seen: Observation, evidence: EvidenceBreakdown
    ) -> AccountFinding:
        slot = int(seen.slots[i])
        return AccountFinding(
            account_id=self._table.name(slot),
            time=time,
            since=self.states.episodes.since(slot),
            score=score,
            evidence=self._scorer.explain(i, seen, evidence),
            observed=self.states.episodes.observed(slot, seen.matrix[i]),
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
