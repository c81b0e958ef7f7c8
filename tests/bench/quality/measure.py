"""Alarms held against the truth: found, how well, how late, at whose cost.

- An account is an attacker from its first extracting request on; before that it is benign.
- An incident is right when most of those it accuses are attackers; all others are false.
- A campaign is found when an alert on a group is right, or when right alerts on single accounts
  have named half of its accounts.
- Leaked is the share of the campaign's output tokens of before that moment; exposed is the share
  of tokens that each account took before it was itself named.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quality.alarms import Alarm
    from quality.store import Truth

_HALF: Final = 0.5


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a campaign."""

    accounts: int
    found: bool
    recall: float
    precision: float | None  # of all accounts accused in the run
    after_s: float | None = None  # from its first request to the moment it was found
    requests: int | None = None  # extracting requests before that
    leaked: float = 1.0
    exposed: float = 1.0


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one detector did in one scenario."""

    scenario: str
    detector: str
    mode: str
    incidents: int
    false_incidents: int
    false_per_10k_day: float  # benign accounts
    false_kinds: dict[str, int]  # kind -> benign accounts of it that false incidents accuse
    accused: int  # accounts
    right: int  # of them attackers
    campaign: Found | None = None  # None: nothing was planted


def measure(
    alarms: Sequence[Alarm],
    benign: Truth,
    planted: Truth | None,
    *,
    scenario: str,
    detector: str,
    mode: str,
    days: float,
) -> Outcome:
    """Measure one run; ``planted`` is None when nothing was."""
    first = _first_requests(planted)
    members: dict[str, dict[str, float]] = {}
    for alarm in alarms:
        accused = members.setdefault(alarm.incident, {})
        for account in alarm.accounts:
            accused.setdefault(account, alarm.time)
    right = {name for name, accused in members.items() if _is_right(accused, first)}
    false = [accused for name, accused in members.items() if name not in right]
    named = _named(members, first)
    everybody = {account for accused in members.values() for account in accused}
    innocent = len(benign.kinds) - len(first.keys() & benign.kinds.keys())
    kinds = Counter(
        benign.kinds[account]
        for account in {a for accused in false for a in accused}
        if account in benign.kinds
    )
    return Outcome(
        scenario=scenario,
        detector=detector,
        mode=mode,
        incidents=len(members),
        false_incidents=len(false),
        false_per_10k_day=len(false) / innocent / days * 1e4,
        false_kinds=dict(sorted(kinds.items())),
        accused=len(everybody),
        right=len(named),
        campaign=None if planted is None else _found(alarms, planted, first, named, len(everybody)),
    )


def _first_requests(planted: Truth | None) -> dict[str, float]:
    if planted is None:
        return {}
    times, _, account = planted.taken()
    _, at = np.unique(account, return_index=True)
    return {planted.attackers[account[place]]: float(times[place]) for place in at.tolist()}


def _is_right(accused: Mapping[str, float], first: Mapping[str, float]) -> bool:
    hits = sum(account in first and first[account] <= time for account, time in accused.items())
    return hits > _HALF * len(accused)


def _named(
    members: Mapping[str, Mapping[str, float]], first: Mapping[str, float]
) -> dict[str, float]:
    """Return when each attacker was first accused, of what it had begun to do."""
    named: dict[str, float] = {}
    for accused in members.values():
        for account, time in accused.items():
            if account in first:
                # Accused too early and not again: from its first request on the alert is right.
                named[account] = min(named.get(account, np.inf), max(time, first[account]))
    return named


def _found(
    alarms: Sequence[Alarm],
    planted: Truth,
    first: Mapping[str, float],
    named: Mapping[str, float],
    accused: int,
) -> Found:
    times, tokens, account = planted.taken()
    moment = found_at(alarms, first)
    name_times = np.array([named.get(name, np.inf) for name in planted.attackers])
    total = float(tokens.sum())
    before = len(times) if moment is None else int(np.searchsorted(times, moment, side="right"))
    return Found(
        accounts=len(planted.attackers),
        found=moment is not None,
        recall=len(named) / len(planted.attackers),
        precision=len(named) / accused if accused else None,
        after_s=None if moment is None else moment - float(times[0]),
        requests=None if moment is None else before,
        leaked=float(tokens[:before].sum()) / total,
        exposed=float(tokens[times <= name_times[account]].sum()) / total,
    )


def found_at(alarms: Sequence[Alarm], first: Mapping[str, float]) -> float | None:
    """Return when the campaign was found, or None."""
    named: set[str] = set()
    for alarm in alarms:
        accused = dict.fromkeys(alarm.accounts, alarm.time)
        if not _is_right(accused, first):
            continue
        if alarm.kind == "campaign":
            return alarm.time
        named |= {account for account in accused if account in first}
        if 2 * len(named) >= len(first):
            return alarm.time
    return None
