"""How long a chaos test disturbs: a short round in every run, a long one on demand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ChaosRound:
    """``pace`` is the share of the long round's time; ``kills`` of workers that are at work."""

    pace: float
    kills: int

    def seconds(self, of_long_round: float) -> float:
        """Return how long something lasts in this round that lasts so long in the long one."""
        return of_long_round * self.pace


#: Half of 8 s is still longer than the 3 s after which brokers take one for dead.
ROUNDS = {"short": ChaosRound(pace=0.5, kills=5), "long": ChaosRound(pace=1.0, kills=20)}
