"""Judges accounts: score, decide, then learn; never from what was just called anomalous.

Which accounts are judged: those with enough requests in the last day, each at most every quarter
of an hour of event time. Light accounts are left to the view across accounts.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec.structs import asdict, replace

from stream.accounts.detection import checkpoint
from stream.accounts.detection.baseline import TRACKED, OwnBaseline
from stream.accounts.detection.calibration import Calibration
from stream.accounts.detection.evidence import (
    COMBINATION,
    HARVEST,
    MODELLED,
    MOST,
    RANKED,
    combine,
    modelled,
    of_new,
    turned,
    upward,
)
from stream.accounts.detection.explain import explain
from stream.accounts.detection.population import Population
from stream.accounts.detection.suspicion import Suspicion
from stream.accounts.detection.tails import Tails
from stream.accounts.detection.turns import Turns
from stream.accounts.features.reading import DAY_S
from stream.accounts.features.table import COLUMN, FEATURES, scaled, schema_hash
from stream.core.findings import AccountFinding
from stream.core.thresholds import DEFAULT_THRESHOLDS, ScoreThresholds
from stream.store.columns import Field

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.accounts.detection.evidence import EvidenceBreakdown
    from stream.accounts.detection.settings import DetectionSettings
    from stream.accounts.metrics import AccountsMetrics
    from stream.core.events import Array
    from stream.store.account_table import AccountTable

_JUST_BELOW: Final = 1e-6
_BLOB: Final = "detector"


class Standing(IntEnum):
    """What is thought of an account; the numbers are part of the stored rows."""

    WARMING_UP = 0  # not judged yet
    CLEAR = 1
    SUSPECT = 2  # at or above the clear score
    ANOMALOUS = 3  # at or above the open score for long enough


class Detector:
    """The judge of one task; deterministic given the order of calls."""

    FIELDS: Final = (
        Field("next_judged", np.dtype("<f8")),
        Field("taught", np.dtype("<f8"), initial=np.nan),  # when the models last learnt from it
        Field("confirmed_until", np.dtype("<f8")),  # a person says that it extracts
        Field("standing", np.dtype("u1"), initial=Standing.WARMING_UP),
        *OwnBaseline.FIELDS,
        *Calibration.FIELDS,
        *Suspicion.FIELDS,
        *Turns.FIELDS,
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
        """Work on ``table``, which has to have :attr:`FIELDS`; ``seed`` tells tasks apart."""
        self._settings = settings
        self._thresholds = thresholds
        self._table = table
        self._score = metrics.score.labels(kind="account")
        self._own = OwnBaseline(settings, table)
        self._population = Population(
            MODELLED,
            trees=settings.trees,
            height=settings.tree_height,
            window=settings.tree_window,
            seed=settings.seed + 1000 * seed,
        )
        half_life_s = settings.population_half_life_s
        self._tails = Tails(len(RANKED), half_life_s=half_life_s)
        self._odd = Tails(1, half_life_s=half_life_s)
        self._calibration = Calibration(settings, table, open_score=thresholds.open_score)
        self._suspicion = Suspicion(table, calm_s=settings.calm_s)
        self._turns = Turns(table)
        self._learnt = checkpoint.Learnt()
        self._structure = checkpoint.Structure.of(self._population.structure(), _compared())

    @property
    def model_version(self) -> str:
        """Return what tells this model from others: it changes with features and trees."""
        return self._structure.version

    @property
    def layout(self) -> dict[str, str]:
        """Return everything that has to agree for what was learnt to mean the same."""
        return {f"model {name}": str(part) for name, part in asdict(self._structure).items()}

    @property
    def warming_up(self) -> int:
        """Return how many tracked accounts have no baseline of their own yet."""
        used = self._table.in_use
        return int(np.count_nonzero(~self._own.ready(used)))

    @property
    def held(self) -> int:
        """Return how many accounts are suspect and not told, as too many are at once."""
        drift = self._learnt.drift
        if not drift.moved:
            return 0
        used = self._table.in_use
        suspect = self.standing(used) == Standing.SUSPECT
        return int(np.count_nonzero(suspect & self._waits(drift.time, used)))

    def standing(self, slots: Array) -> Array:
        """Return the :class:`Standing` of each slot, shape ``(n,)``, u1."""
        return np.asarray(self._table["standing"][slots])

    def turned(self, slots: Array) -> tuple[Array, Array]:
        """Return of each slot when it turned and from where its new answers are: :class:`Turns`."""
        return self._turns.of(slots)

    def ready(self, time: float) -> bool:
        """Say whether the population has been seen long enough to speak."""
        began, accounts = self._learnt.began, self._learnt.accounts
        long = began is not None and time - began >= self._settings.warm_up_s
        return long and accounts >= self._settings.warm_up_accounts

    def due(self, time: float, slots: Array, requests_day: Array) -> Array:
        """Say which accounts are to be judged or learnt from at ``time``, shape ``(n,)``.

        Of the others :meth:`judge` has no need, nor of their features: most of those that are
        active have been looked at minutes ago.
        """
        heavy = requests_day >= self._settings.min_requests
        judged = heavy & (self._table["next_judged"][slots] <= time)
        return np.asarray(judged | self._forms_baseline(time, slots))

    def judge(self, time: float, slots: Array, matrix: Array) -> list[AccountFinding]:
        """Judge the accounts of one step, at least those that are :meth:`due`.

        ``slots`` (n,) i8, distinct; ``matrix`` (n, F) f8 as ``features.table.compute`` gives it;
        ``time`` the end of the step, epoch seconds. Returns a finding for every account at or
        above the clear score.
        """
        settings, table = self._settings, self._table
        heavy = matrix[:, COLUMN["requests_day"]] >= settings.min_requests
        due = heavy & (table["next_judged"][slots] <= time)
        findings: list[AccountFinding] = []
        if due.any():
            findings = self._judge(time, slots[due], matrix[due])
            table["next_judged"][slots[due]] = time + settings.judge_every_s
        self._learn_own(time, slots, matrix)
        return findings

    def _judge(self, time: float, slots: Array, matrix: Array) -> list[AccountFinding]:
        scale = scaled(matrix)
        raw = self._population.scores(modelled(scale))
        speaks = self.ready(time)
        findings: list[AccountFinding] = []
        calm, held = np.ones(len(slots), bool), np.zeros(len(slots), bool)
        settled = self._may_teach(time, slots)
        if speaks:
            own = self._own.decades(slots, scale, most=MOST)
            self._turns.update(time, slots, matrix, own, self._own.means(slots))
            evidence = combine(
                self._tails.decades(upward(scale), most=MOST),
                own,
                self._odd.decades(raw[:, None], most=MOST)[:, 0],
                new_harvest=self._harvest_of_new(slots, matrix),
                active_hours=matrix[:, COLUMN["active_hours"]],
                new_hours=matrix[:, COLUMN["new_content_hours"]],
                seen_whole=self._seen_whole(time, matrix),
            )
            scores = self._calibration.scores(evidence.total)
            calm = scores < self._thresholds.clear_score
            self._follow_drift(time, settled, calm)
            held = self._waits(time, slots)
            scores = self._decide(time, slots, matrix, scores, held)
            findings = [
                self._finding(time, i, slots, matrix, raw, scores, evidence)
                for i in np.flatnonzero(~calm).tolist()
            ]
            benign = self._is_quiet(slots) & (calm | ~held)
            self._calibration.learn(time, slots, evidence.total, benign)
        teaches = settled & (calm | held)
        self._learn_population(time, slots[teaches], scale[teaches], raw[teaches])
        return findings

    def _harvest_of_new(self, slots: Array, matrix: Array) -> Array:
        """Return how surprising amount and ratio of what is new are here, ``(n,)``, in decades.

        The ratio to the account itself too: prompts that drift take what they have always taken.
        """
        found = np.zeros(len(slots))
        # Without anything new nothing surprises.
        new = np.flatnonzero(~np.isnan(matrix[:, COLUMN["new_content_ratio"]]))
        if not len(new):
            return found
        slots, matrix = slots[new], matrix[new]
        usual = self._own.means(slots)[:, TRACKED.index("output_day")]
        alone = scaled(of_new(matrix, FEATURES[COLUMN["output_day"]].unscaled(usual)))
        here = self._tails.decades(upward(alone), most=MOST)[:, HARVEST].min(axis=1)
        own = self._own.decades(slots, alone, most=MOST)[:, TRACKED.index("output_ratio")]
        found[new] = np.minimum(here, own)
        return found

    def _seen_whole(self, time: float, matrix: Array) -> Array:
        """Say which accounts were opened after the population began to be seen; (n,) bool."""
        began = self._learnt.began
        opened = time - matrix[:, COLUMN["age"]] * DAY_S
        return np.asarray(opened >= (np.inf if began is None else began))

    def _follow_drift(self, time: float, settled: Array, calm: Array) -> None:
        """Count how many of the settled accounts (n,) are suspect at once."""
        hours = max(self._settings.judge_every_s, 60.0) / 3600
        drift = self._learnt.drift.more(
            time,
            judged=hours * int(np.count_nonzero(settled)),
            suspect=hours * int(np.count_nonzero(settled & ~calm)),
        )
        self._learnt = replace(self._learnt, drift=drift)

    def _decide(
        self, time: float, slots: Array, matrix: Array, scores: Array, held: Array
    ) -> Array:
        """Update standings; return the scores, kept below the open score until they last.

        Those of ``held`` (n,) stay below it: of them a change says little now.
        """
        thresholds = self._thresholds
        suspect = scores >= thresholds.clear_score
        self._suspicion.update(time, slots, matrix, suspect)
        brief = self._suspicion.lasting_s(time, slots) < self._settings.sustain_s
        scores = np.where(
            brief | held, np.minimum(scores, thresholds.open_score - _JUST_BELOW), scores
        )
        anomalous = scores >= thresholds.open_score
        self._table["standing"][slots] = np.where(
            anomalous, Standing.ANOMALOUS, np.where(suspect, Standing.SUSPECT, Standing.CLEAR)
        )
        for score in scores.tolist():
            self._score.observe(score)
        return scores

    def _waits(self, time: float, slots: Array) -> Array:
        """Say of whom (n,) a change says little, as so many have changed: told later, if at all.

        Whoever was told before goes on, and teaches nothing.
        """
        if not self._learnt.drift.moved:
            return np.zeros(len(slots), bool)
        return np.asarray(self._is_quiet(slots) & self._may_teach(time, slots))

    def _is_quiet(self, slots: Array) -> Array:
        return np.asarray(self._table["standing"][slots] != Standing.ANOMALOUS)

    # -- learning -----------------------------------------------------------------------------

    def teach_not(self, accounts: Iterable[str], *, until: float) -> None:
        """Learn nothing from accounts until then, epoch seconds; 0 takes it back."""
        known = [slot for name in accounts if (slot := self._table.slot(name)) is not None]
        self._table["confirmed_until"][known] = until
        self._table.touch(known)

    def _may_teach(self, time: float, slots: Array) -> Array:
        """Say who was there when the population warmed up, or has been for long; (n,) bool."""
        first_seen = self._table["first_seen"][slots]
        began = time if self._learnt.began is None else self._learnt.began
        early = first_seen <= began + self._settings.warm_up_s
        settled = early | (time - first_seen >= self._settings.quarantine_s)
        return np.asarray(settled & (self._table["confirmed_until"][slots] <= time))

    def _learn_population(self, time: float, slots: Array, scale: Array, raw: Array) -> None:
        """Learn from accounts, each at most once an hour; their scores were given before."""
        taught = self._table["taught"][slots]
        due = ~(time - taught < self._settings.learn_every_s)
        if not due.any():
            return
        self._learnt = self._learnt.more(time, int(np.count_nonzero(np.isnan(taught[due]))))
        # Each account counts once a day, however many hours it is active.
        hours = FEATURES[COLUMN["active_hours"]].unscaled(scale[due, COLUMN["active_hours"]])
        weights = 1 / np.maximum(hours, 1)
        self._tails.learn(time, upward(scale[due]), weights)
        self._odd.learn(time, raw[due][:, None], weights)
        self._population.learn(modelled(scale[due]))
        self._table["taught"][slots[due]] = time

    def _learn_own(self, time: float, slots: Array, matrix: Array) -> None:
        """Learn the baselines of all accounts, light ones too, unless they alone are suspect."""
        calm = (self.standing(slots) < Standing.SUSPECT) | self._waits(time, slots)
        calm &= self._table["confirmed_until"][slots] <= time
        due = calm & self._forms_baseline(time, slots)
        if due.any():
            self._own.learn(time, slots[due], scaled(matrix[due]))

    def _forms_baseline(self, time: float, slots: Array) -> Array:
        """Say whose baseline has not learnt for long enough to do it again, shape ``(n,)``."""
        return ~(time - self._table["base_time"][slots] < self._settings.learn_every_s)

    # -- explaining ---------------------------------------------------------------------------

    def _finding(
        self,
        time: float,
        i: int,
        slots: Array,
        matrix: Array,
        raw: Array,
        scores: Array,
        evidence: EvidenceBreakdown,
    ) -> AccountFinding:
        slot = int(slots[i])
        parts = {name: float(part[i]) for name, part in evidence.parts.items()}
        values = {name: float(matrix[i, COLUMN[name]]) for name in parts if name != COMBINATION}
        values[COMBINATION] = float(raw[i])
        return AccountFinding(
            account_id=self._table.name(slot),
            time=time,
            since=self._suspicion.since(slot),
            score=float(scores[i]),
            evidence=explain(parts, values, self._own_baselines(slot), self._medians()),
            observed=self._suspicion.observed(slot, matrix[i]),
            model_version=self.model_version,
        )

    def _own_baselines(self, slot: int) -> dict[str, float | None]:
        """Return the account's own means, None where it has none."""
        return _unscaled(TRACKED, self._own.means(np.array([slot]))[0])

    def _medians(self) -> dict[str, float | None]:
        """Return the population's medians, None where there are none."""
        found = _unscaled(RANKED, turned(self._tails.medians()))
        return found | {COMBINATION: _known(self._odd.medians()[0])}

    # -- state --------------------------------------------------------------------------------

    def state(self) -> dict[str, bytes]:
        """Return what was learnt, without code: arrays and numbers with their versions."""
        return {
            _BLOB: checkpoint.pack(
                self._structure,
                self._learnt,
                self._population,
                {"tails": self._tails, "odd": self._odd, "peaks": self._calibration.peaks},
            )
        }

    def restore(self, stored: dict[str, bytes]) -> None:
        """Put back what :meth:`state` gave; raises StateError when it does not fit."""
        if (blob := stored.get(_BLOB)) is None:
            return
        self._learnt = checkpoint.unpack(
            blob,
            self._structure,
            self._population,
            {"tails": self._tails, "odd": self._odd, "peaks": self._calibration.peaks},
        )


def _compared() -> str:
    """Return what stored numbers are about, for :class:`checkpoint.Structure`."""
    return " ".join([schema_hash(), "ranked", *RANKED, "tracked", *TRACKED])


def _unscaled(names: Sequence[str], positions: Array) -> dict[str, float | None]:
    return {
        name: _known(FEATURES[COLUMN[name]].unscaled(position))
        for name, position in zip(names, positions, strict=True)
    }


def _known(value: Array) -> float | None:
    return None if np.isnan(value) else float(value)
