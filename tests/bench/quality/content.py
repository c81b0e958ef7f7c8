"""How well content alone tells extraction from benign windows of 100 prompts (batch MMD).

The published figure for comparison: balanced accuracy 77.7 % at windows of 100 (arXiv 2606.05725).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from quality.plan import BENIGN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quality.run import Result
    from quality.store import Truth

#: Campaigns whose accounts do nothing but extract.
PURE: Final = ("pool", "lone", "pool-evasive")
_CALIBRATED_AFTER_S: Final = 86_400.0


class Separation(msgspec.Struct, frozen=True, kw_only=True):
    """Windows of one campaign's accounts against those of all benign accounts."""

    scenario: str
    windows: int
    benign_windows: int
    true_positives: float
    false_positives: float
    balanced_accuracy: float


def separation(
    results: Sequence[Result], truths: Mapping[str, Truth], start_s: float
) -> list[Separation]:
    """Return the separation for each purely extracting campaign that the batch MMD listened to."""
    by_name = {result.scenario: result for result in results if result.windows}
    if BENIGN not in by_name or by_name[BENIGN].threshold is None:
        return []
    threshold = by_name[BENIGN].threshold
    judged = [w for w in by_name[BENIGN].windows if w.time >= start_s + _CALIBRATED_AFTER_S]
    false = (
        float(np.mean([window.discrepancy > threshold for window in judged])) if judged else np.nan
    )
    found = []
    for name in PURE:
        if name not in by_name:
            continue
        attackers = set(truths[name].attackers)
        ours = [w.discrepancy for w in by_name[name].windows if w.account in attackers]
        if ours:
            true = float(np.mean(np.array(ours) > threshold))
            found.append(
                Separation(
                    scenario=name,
                    windows=len(ours),
                    benign_windows=len(judged),
                    true_positives=true,
                    false_positives=false,
                    balanced_accuracy=(true + 1 - false) / 2,
                )
            )
    return found
