"""Which fault comes when: drawn from a seed, in seconds since the traffic began.

The run has stretches of about 36 minutes. In each stretch kills hit one of the two workers only,
and the next stretch begins with a restart of all workers: so the other worker lives for the whole
stretch, long enough to see whether its memory grows, while it takes over partitions all the time.
"""

from __future__ import annotations

import random
from typing import Final, Literal, NamedTuple

Kind = Literal["kill", "roll_workers", "roll_brokers", "crash_broker", "upgrade"]

STRETCH_S: Final = 2160.0
#: How much longer than the first each later stretch is: the first one has the older build.
LATER: Final = 3
#: Between two kills, mean. Assumed: a kill a day and a half of the traffic, far more than anywhere.
KILLS_EVERY_S: Final = 420.0
#: After another fault, so that each fault's recovery is seen.
APART_S: Final = 60.0
#: The last part of the run has no faults: it has to catch up.
CALM_S: Final = 180.0


class Fault(NamedTuple):
    """``which`` is the worker or broker, where the fault hits one."""

    at_s: float
    kind: Kind
    which: int = 0


def schedule(run_s: float, seed: int) -> list[Fault]:
    """Return the faults of a run, by time. A short run has one of each, and a kill or two."""
    dice = random.Random(seed)
    stretches = max(2, round(run_s / STRETCH_S))
    part_s = (run_s - min(CALM_S, run_s / 5)) / (1 + LATER * (stretches - 1))
    found: list[Fault] = []
    start_s = 0.0
    for number in range(stretches):
        length_s = LATER * part_s if number else part_s
        if number:
            # The upgrade is the first of the restarts.
            found.append(Fault(start_s, "upgrade" if number == 1 else "roll_workers"))
        if number % 2 == 0:
            found.append(Fault(start_s + 0.45 * length_s, "roll_brokers"))
        else:
            which = dice.randrange(3)
            found.append(Fault(start_s + 0.55 * length_s, "crash_broker", which))
        # Some 10 % at both ends: a worker that has just started, or will stop, is not killed.
        at_s = start_s + 0.1 * length_s + dice.expovariate(1 / KILLS_EVERY_S) / 2
        first = True
        while at_s < start_s + 0.9 * length_s or first:
            at_s = min(at_s, start_s + 0.9 * length_s)
            found.append(Fault(at_s, "kill", (number + 1) % 2))
            at_s += APART_S + dice.expovariate(1 / KILLS_EVERY_S)
            first = False
        start_s += length_s
    return sorted(found)
