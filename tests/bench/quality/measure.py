"""Alarms compared with the truth: found, how well, how late, at what cost.

The definitions are those of ``stream/tools/report/outcome.py``; here the truth has the time of each
account's first extracting request.

- Leaked is the share of the campaign's output tokens before the moment it was found; exposed is the
  share of tokens that each account took before it was named itself.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from stream.tools.report.outcome import found_at, is_right, named_by_incident

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from quality.alarms import Alarm
    from quality.store import Truth


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one campaign."""

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
    members = named_by_incident(alarms)
    false = [accused for accused in members.values() if not is_right(accused, first)]
    named = _named(members, first)
    every_accused = {account for accused in members.values() for account in accused}
    innocent = _innocent(benign, planted, first)
    kinds = Counter(
        innocent[account]
        for account in {a for accused in false for a in accused}
        if account in innocent
    )
    return Outcome(
        scenario=scenario,
        detector=detector,
        mode=mode,
        incidents=len(members),
        false_incidents=len(false),
        false_per_10k_day=len(false) / len(innocent) / days * 1e4,
        false_kinds=dict(sorted(kinds.items())),
        accused=len(every_accused),
        right=len(named),
        campaign=None
        if planted is None
        else _found(alarms, planted, first, named, len(every_accused)),
    )


def _first_requests(planted: Truth | None) -> dict[str, float]:
    if planted is None:
        return {}
    times, _, account = planted.taken()
    _, at = np.unique(account, return_index=True)
    return {planted.attackers[account[place]]: float(times[place]) for place in at.tolist()}


def _innocent(benign: Truth, planted: Truth | None, first: Mapping[str, float]) -> dict[str, str]:
    """Return the kinds of all benign accounts; a scenario may have some of its own."""
    kinds = dict(benign.kinds)
    if planted is not None:
        extracting = {planted.kinds[account] for account in planted.attackers}
        kinds |= {a: kind for a, kind in planted.kinds.items() if kind not in extracting}
    return {account: kind for account, kind in kinds.items() if account not in first}


def _named(
    members: Mapping[str, Mapping[str, float]], first: Mapping[str, float]
) -> dict[str, float]:
    """Return when each attacker was first accused, of attacks that had begun."""
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
    campaign = dict.fromkeys(first, "")
    moment = found_at(alarms, first, campaign, {"": len(first)}).get("")
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
