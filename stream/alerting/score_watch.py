"""A port that receives every score, even one that opens no incident, for tests and benchmarks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

#: Receives every score: event time, the accounts that it is about, the score.
ScoreWatch = Callable[[float, Sequence[str], float], None]


def unwatched(_time: float, _accounts: Sequence[str], _score: float) -> None:
    """Watch nothing."""
