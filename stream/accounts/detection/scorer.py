"""Scores accounts: models in, calibrated scores with their evidence out.

Owns every model of accounts, and decides neither what a score means (account_states.py) nor what
may be learnt (learning.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec.structs import replace

from stream.accounts.detection import checkpoint
from stream.accounts.detection.baseline import TRACKED
from stream.accounts.detection.calibration import Calibration
from stream.accounts.detection.evidence import (
    COMBINATION,
    EXTRACTION,
    MODELLED,
    MOST_HART,
    OUT_OF_PLAN,
    RANKED,
    at_pace,
    combine,
    flipped,
    keeps_up,
    modelled,
    new_content_alone,
    upward,
)
from stream.accounts.detection.explain import explain
from stream.accounts.detection.observer import own_output
from stream.accounts.detection.plans import MOST_PLANS, Plans
from stream.accounts.detection.population_model import PopulationModel
from stream.accounts.detection.tails import Tails
from stream.accounts.features.table import COLUMN, FEATURES, scaled, schema_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.accounts.detection.evidence import EvidenceBreakdown
    from stream.accounts.detection.observations import ObservedAccounts
    from stream.accounts.detection.settings import DetectionSettings
    from stream.core.batch import AccountSlots, Floats, Mask
    from stream.core.findings import Evidence
    from stream.store.account_table import AccountTable


_OUTPUT_DAY: Final = COLUMN["output_day"]


@dataclass(frozen=True, slots=True)
class Observation:
    """n accounts at one time, as the models look at them."""

    observed: ObservedAccounts
    scale: Floats  # (n, F), on the features' fixed scales
    raw: Floats  # (n,), the population model's score; NaN while it warms up


class AccountScorer:
    """The models of a deployment; deterministic given the order of calls."""

    FIELDS: Final = Calibration.FIELDS

    def __init__(
        self, settings: DetectionSettings, table: AccountTable, *, open_score: float
    ) -> None:
        """Work on ``table``, which must have :attr:`FIELDS`."""
        self._population = PopulationModel(
            MODELLED,
            trees=settings.trees,
            height=settings.tree_height,
            window=settings.tree_window,
            seed=settings.seed,
        )
        half_life_s = settings.population_half_life_s
        self._tails = Tails(len(RANKED), half_life_s=half_life_s)
        self._raw_tails = Tails(1, half_life_s=half_life_s)
        self._plans = Plans(half_life_s=half_life_s)
        self._calibration = Calibration(settings, table, open_score=open_score)
        self.structure: Final = checkpoint.Structure.of(self._population.structure(), _schema())

    def observe(self, observed: ObservedAccounts) -> Observation:
        """Return accounts (n,) as the models look at them."""
        scale = scaled(observed.matrix)
        return Observation(observed, scale, self._population.scores(modelled(scale)))

    def score(
        self, seen: Observation, *, known_h: Floats, whole_life_seen: Mask, appeared: Mask
    ) -> tuple[Floats, EvidenceBreakdown]:
        """Return calibrated scores, shape ``(n,)``, and the evidence for them.

        ``known_h`` (n,) hours since the first request; ``whole_life_seen`` (n,) marks accounts that
        were created after learning began, ``appeared`` (n,) those that are new to the log.
        """
        matrix = seen.observed.matrix
        appeared = appeared & keeps_up(matrix, known_h)
        scale = scaled(at_pace(matrix, known_h, appeared)) if appeared.any() else seen.scale
        evidence = combine(
            self._tails.surprisal(upward(scale), most=MOST_HART),
            seen.observed.own,
            {
                COMBINATION: self._raw_tails.surprisal(seen.raw[:, None], most=MOST_HART)[:, 0],
                OUT_OF_PLAN: self._plans.surprisal(
                    seen.observed.plans, scale[:, _OUTPUT_DAY], most=MOST_HART
                ),
            },
            new_extraction=self._new_extraction(seen.observed),
            active_hours=matrix[:, COLUMN["active_hours"]],
            new_hours=matrix[:, COLUMN["new_content_hours"]],
            whole_life_seen=whole_life_seen,
            appeared=appeared,
        )
        return self._calibration.scores(evidence.total), evidence

    def explain(self, i: int, seen: Observation, evidence: EvidenceBreakdown) -> list[Evidence]:
        """Return the evidence on account number ``i`` of ``seen`` as alerts show it."""
        parts = {name: float(part[i]) for name, part in evidence.parts.items()}
        values = {
            name: float(seen.observed.matrix[i, COLUMN[name]]) for name in parts if name in COLUMN
        }
        values[OUT_OF_PLAN] = float(seen.observed.matrix[i, _OUTPUT_DAY])
        values[COMBINATION] = float(seen.raw[i])
        baselines = _unscaled(TRACKED, seen.observed.own_mean[i])
        medians = _unscaled(RANKED, flipped(self._tails.medians()))
        medians["no_ramp"] = medians["requests_day"]
        on_plan = self._plans.median(int(seen.observed.plans[i]))
        medians[OUT_OF_PLAN] = _known(FEATURES[_OUTPUT_DAY].unscaled(np.array(on_plan)))
        medians[COMBINATION] = _known(self._raw_tails.medians()[0])
        return explain(parts, values, baselines, medians)

    def _new_extraction(self, observed: ObservedAccounts) -> Floats:
        """Return the surprisal of the extraction volume of new content alone, shape ``(n,)``.

        Amount and ratio must both be rare here, and the ratio for the account itself too: an
        account whose prompts drift takes what it has always taken.
        """
        matrix = observed.matrix
        found = np.zeros(len(matrix))
        # Without new content there is no surprisal.
        new = np.flatnonzero(~np.isnan(matrix[:, COLUMN["new_content_ratio"]]))
        if len(new):
            own_day = own_output(observed.own_mean[new])
            alone = upward(scaled(new_content_alone(matrix[new], own_day)))
            here = self._tails.surprisal(alone, most=MOST_HART)[:, EXTRACTION].min(axis=1)
            found[new] = np.minimum(here, observed.new_ratio[new])
        return found

    # -- learning -----------------------------------------------------------------------------

    def learn_population(self, time: float, seen: Observation, chosen: Mask) -> None:
        """Learn from the ``chosen`` accounts (n,), whose scores were given before."""
        scale = seen.scale[chosen]
        # Each account counts once a day, however many hours it is active.
        hours = FEATURES[COLUMN["active_hours"]].unscaled(scale[:, COLUMN["active_hours"]])
        weights = 1 / np.maximum(hours, 1)
        self._tails.learn(time, upward(scale), weights)
        self._raw_tails.learn(time, seen.raw[chosen][:, None], weights)
        self._population.learn(modelled(scale))
        self._plans.learn(time, seen.observed.plans[chosen], scale[:, _OUTPUT_DAY], weights)

    def learn_calibration(
        self, time: float, slots: AccountSlots, evidence: EvidenceBreakdown, benign: Mask
    ) -> None:
        """Learn how much evidence accounts (n,) show that are ``benign`` (n,)."""
        self._calibration.learn(time, slots, evidence.total, benign)

    # -- state --------------------------------------------------------------------------------

    def pack(self, learnt: checkpoint.Learnt) -> bytes:
        """Return the models as bytes without code, with what ``learnt`` counts."""
        learnt = replace(learnt, plans=self._plans.known)
        return checkpoint.pack(self.structure, learnt, self._population, self._all_tails())

    def unpack(self, blob: bytes) -> checkpoint.Learnt:
        """Restore what :meth:`pack` gave; raises StateError when it does not fit."""
        learnt = checkpoint.unpack(blob, self.structure, self._population, self._all_tails())
        self._plans.restore(learnt.plans)
        return learnt

    def _all_tails(self) -> dict[str, Tails]:
        return {
            "tails": self._tails,
            "raw": self._raw_tails,
            "peaks": self._calibration.peaks,
            "plans": self._plans.tails,
        }


def _schema() -> str:
    """Return what the stored numbers are about, for :class:`checkpoint.Structure`."""
    return " ".join([schema_hash(), "ranked", *RANKED, "tracked", *TRACKED, f"{MOST_PLANS} plans"])


def _unscaled(names: Sequence[str], positions: Floats) -> dict[str, float | None]:
    return {
        name: _known(FEATURES[COLUMN[name]].unscaled(position))
        for name, position in zip(names, positions, strict=True)
    }


def _known(value: Floats) -> float | None:
    return None if np.isnan(value) else float(value)
