"""What people's verdicts teach about evidence: River's logistic regression over its parts.

It moves the log odds of a score by little, and only once enough was said of both kinds by several
people; what it can move is bounded, so nobody can teach the detector to keep quiet: evidence that
is strong enough opens an incident whatever was said. It is learnt anew from the verdicts that are
held, in order, whenever they change: a verdict that is withdrawn was never given, and there are
no weights to store that another version of River would read differently.
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

#: Of each kind of verdict, those of one author count for no more than this many together.
AUTHOR_COUNTS: Final = 5.0
#: Raised whenever the same verdicts give another model.
_FORMAT: Final = 1
_RATE: Final = 0.1
#: Keeps a score inside (0, 1), where it has odds.
_EDGE: Final = 1e-9


class Lesson(NamedTuple):
    """One judged incident: its evidence by feature (shares), what it was, and who said so."""

    evidence: Mapping[str, float]
    true: bool
    author: str


class Hindsight:
    """One model for one kind of incident."""

    def __init__(self, lessons: Sequence[Lesson], *, enough: float, most: float) -> None:
        """Learn ``lessons`` in order; nothing is said before ``enough`` count on both sides.

        ``most`` bounds the change of the log odds.
        """
        self._most = most
        said = Counter((lesson.true, lesson.author) for lesson in lessons)
        weight = {key: min(1.0, AUTHOR_COUNTS / count) for key, count in said.items()}
        sides = {
            true: sum(weight[key] * count for key, count in said.items() if key[0] is true)
            for true in (True, False)
        }
        self._model = linear_model.LogisticRegression(optim.SGD(_RATE), intercept_lr=_RATE)
        self.speaks = min(sides.values()) >= enough
        if self.speaks:
            for lesson in lessons:
                # Both sides weigh the same: how many of each are judged says nothing.
                balance = min(sides.values()) / sides[lesson.true]
                self._model.learn_one(
                    dict(lesson.evidence),
                    lesson.true,
                    w=balance * weight[lesson.true, lesson.author],
                )

    @property
    def version(self) -> str:
        """Return what tells this model from others; empty while it has nothing to say."""
        if not self.speaks:
            return ""
        learnt = sorted((name, round(w, 9)) for name, w in self._model.weights.items())
        digest = hashlib.blake2b(repr(learnt).encode(), digest_size=3).hexdigest()
        return f"verdicts-{_FORMAT}-{'.'.join(river.__version__.split('.')[:2])}-{digest}"

    def moved(self, score: float, evidence: Mapping[str, float]) -> float:
        """Return the score after what verdicts on such evidence have taught."""
        if not self.speaks or not evidence:
            return score
        shift = odds(float(self._model.predict_proba_one(dict(evidence))[True]))
        return 1 / (1 + math.exp(-odds(score) - min(max(shift, -self._most), self._most)))


def odds(score: float) -> float:
    """Return the log odds of a score, finite."""
    kept = min(max(score, _EDGE), 1 - _EDGE)
    return math.log(kept / (1 - kept))
