"""When a campaign counts as found and an incident as false: the definitions of all evaluations.

- An account is an attacker from its first attacking request on; before that it is benign.
- An incident is right if most of the accounts it names are attackers; every other one is false.
- A campaign is found when an alert on a group is right and names one of its accounts, or when right
  alerts on single accounts have named half of its accounts.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_HALF: Final = 0.5


class Alarm(NamedTuple):
    """An alert: the accounts that it names now, and its incident."""

    time: float  # event time, epoch seconds
    incident: str
    kind: Literal["account", "campaign"]
    accounts: Sequence[str]


def named_by_incident(alarms: Iterable[Alarm]) -> dict[str, dict[str, float]]:
    """Return, for each incident, the accounts that it names and when it first did."""
    named: dict[str, dict[str, float]] = {}
    for alarm in alarms:
        members = named.setdefault(alarm.incident, {})
        for account in alarm.accounts:
            members.setdefault(account, alarm.time)
    return named


def is_right(named: Mapping[str, float], attackers: Mapping[str, float]) -> bool:
    """Return whether most of the named accounts were attackers when they were named."""
    hits = sum(
        account in attackers and attackers[account] <= time for account, time in named.items()
    )
    return hits > _HALF * len(named)


def found_at(
    alarms: Iterable[Alarm],
    attackers: Mapping[str, float],
    campaign_of: Mapping[str, str],
    sizes: Mapping[str, int],
) -> dict[str, float]:
    """Return when each campaign was found; one that was not found is absent.

    ``campaign_of`` has the campaign of each attacker, ``sizes`` the accounts of each campaign.
    """
    found: dict[str, float] = {}
    named: defaultdict[str, set[str]] = defaultdict(set)
    for alarm in alarms:
        if not is_right(dict.fromkeys(alarm.accounts, alarm.time), attackers):
            continue
        for account in alarm.accounts:
            if account in campaign_of:
                named[campaign_of[account]].add(account)
        for campaign in {campaign_of[a] for a in alarm.accounts if a in campaign_of}:
            half = 2 * len(named[campaign]) >= sizes[campaign]
            if alarm.kind == "campaign" or half:
                found.setdefault(campaign, alarm.time)
    return found
