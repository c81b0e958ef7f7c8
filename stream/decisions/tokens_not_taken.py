"""How many output tokens a decision has kept from being taken: an estimate, and named so.

What accounts would have taken is not known, so two figures bound it and the lower one is given:

- the requests that were refused or slowed, each with the accounts' mean output tokens a request
  before the alert. Callers repeat what is refused, so alone it is too high;
- the accounts' own output tokens of the hour before the alert, for the time that the decision has
  been in force, minus what passed under it. Callers give up, so alone it is too high as well.

Requests that are slowed and repeated later are counted as not taken until the second figure bounds
them. Time in force is by the clock: where a log is played faster than it came to be, it is too low.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.core.decisions import STOPPING

if TYPE_CHECKING:
    from stream.core.decisions import Decision
    from stream.core.effects import Effect

_HOUR_S: Final = 3600.0


def tokens_not_taken(decision: Decision, effect: Effect, until: float) -> int | None:
    """Return the estimate for the time up to ``until`` (epoch seconds).

    None: the decision stops no requests, has not been in force, or names no traffic before it.
    """
    before = decision.reason.before
    if before is None or not before.requests:
        return None
    if decision.action not in STOPPING or decision.approved_at is None or decision.simulated:
        return None
    each = before.output_tokens / before.requests
    by_requests = (effect.refused + effect.slowed) * each
    acted_on = min(len(decision.subjects) / before.accounts, 1.0)
    hours = max(until - decision.approved_at, 0.0) / _HOUR_S
    by_rate = before.output_tokens_last_hour * acted_on * hours - effect.changed * each
    return int(max(min(by_requests, by_rate), 0.0))
