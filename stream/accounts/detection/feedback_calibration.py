"""Calibrates scores by people's verdicts: River's logistic regression over evidence.

It adjusts the log odds of a score a little, and only once several people have labelled enough
incidents of both kinds. The adjustment is bounded, so that no one can train the detector to be
quiet: strong evidence opens an incident whatever the verdicts. The model is learnt again from all
stored verdicts, in order, whenever they change: a withdrawn verdict leaves no trace, and there are
no weights to store that another version of River would interpret differently.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

import river
from river import linear_model, optim

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Verdicts of one author on one kind count for at most this many together. Assumed: half of
#: feedback.learn_from by default, so that one person alone cannot start the calibration.
AUTHOR_COUNTS: Final = 5.0
#: Raised whenever the same verdicts give another model.
_FORMAT: Final = 1
#: Learning rate of the gradient descent. Assumed: the adjustment is bounded anyway.
_RATE: Final = 0.1
#: Keeps a score inside (0, 1), where its odds are finite. Assumed: far beyond any calibrated score.
_EDGE: Final = 1e-9


class LabelledExample(NamedTuple):
    """One labelled incident: shares of its evidence by feature, the label and its author."""

    evidence: Mapping[str, float]
    true: bool
    author: str


class FeedbackCalibration:
    """The calibration of one kind of incident."""

    def __init__(self, examples: Sequence[LabelledExample], *, enough: float, most: float) -> None:
        """Learn ``examples`` in order; inactive until ``enough`` of both labels count.

        ``most`` bounds the change of the log odds.
        """
        self._most = most
        given = Counter((example.true, example.author) for example in examples)
        weight = {key: min(1.0, AUTHOR_COUNTS / count) for key, count in given.items()}
        sides = {
            true: sum(weight[key] * count for key, count in given.items() if key[0] is true)
            for true in (True, False)
        }
        self._model = linear_model.LogisticRegression(optim.SGD(_RATE), intercept_lr=_RATE)
        self.active = min(sides.values()) >= enough
        if self.active:
            for example in examples:
                # Both labels weigh the same: how many of each were given means nothing.
                balance = min(sides.values()) / sides[example.true]
                self._model.learn_one(
                    dict(example.evidence),
                    example.true,
                    w=balance * weight[example.true, example.author],
                )

    @property
    def version(self) -> str:
        """Return the version of this model; empty while it is inactive."""
        if not self.active:
            return ""
        learnt = sorted((name, round(w, 9)) for name, w in self._model.weights.items())
        digest = hashlib.blake2b(repr(learnt).encode(), digest_size=3).hexdigest()
        return f"verdicts-{_FORMAT}-{'.'.join(river.__version__.split('.')[:2])}-{digest}"

    def adjusted_score(self, score: float, evidence: Mapping[str, float]) -> float:
        """Return a score as verdicts on similar evidence adjust it."""
        if not self.active or not evidence:
            return score
        shift = odds(float(self._model.predict_proba_one(dict(evidence))[True]))
        return 1 / (1 + math.exp(-odds(score) - min(max(shift, -self._most), self._most)))


def odds(score: float) -> float:
    """Return the log odds of a score, finite."""
    kept = min(max(score, _EDGE), 1 - _EDGE)
    return math.log(kept / (1 - kept))
