"""When an incident that goes on is sent again, and when only the topic learns its figures.

::

    sent       ●────────●─────●───────────────●───▶   grown by a share, graver, or after long
    refreshed    ○ ○ ○    ○ ○   ○ ○ ○ ○ ○ ○ ○         every so often between them, to no receiver

Receivers get so many updates in the first 24 hours after the first alert and so many in each 24
hours after that: at most half of them in the first half of the first day, and evenly in time after
it. Those that severity may still need are kept for it, and its changes are always sent.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from stream.alerting.severity import steps_left
from stream.core.findings import Observed

if TYPE_CHECKING:
    from stream.alerting.incident import Incident
    from stream.alerting.settings import AlertingSettings

_DAY_S: Final = 86400.0
#: The part of the updates of the first day that may come in its first hours.
_AT_ONCE: Final = 0.5


class Told(msgspec.Struct, frozen=True, array_like=True):
    """What an incident was when it was told of last, epoch seconds."""

    time: float = -math.inf
    members: int = 0
    observed: Observed = Observed()


class Count(msgspec.Struct, frozen=True, array_like=True):
    """The updates sent on a day, counted from the first alert; ``held``: one is waiting."""

    day: int = 0
    updates: int = 0
    held: bool = False


def wanted(settings: AlertingSettings, incident: Incident, time: float) -> bool:
    """Say whether an incident has grown enough, or was silent for long enough, to be sent again."""
    waited = time - incident.sent.time
    if waited >= settings.resend_s:
        return True
    now, then = incident.observed, incident.sent.observed
    tokens = now.output_tokens, then.output_tokens
    # Not every gateway logs tokens.
    traffic = tokens if now.output_tokens else (now.requests, then.requests)
    grown = any(
        after > before and after >= (1 + settings.grow_share) * before
        for after, before in ((len(incident.members), incident.sent.members), traffic)
    )
    return grown and waited >= settings.grow_every_s


def allowed(settings: AlertingSettings, incident: Incident, time: float) -> bool:
    """Say whether the limit leaves room for one more update that does not change severity."""
    day, part = _age(incident, time)
    if day == 0:
        most = math.ceil(settings.updates_first_day * max(part, _AT_ONCE))
    else:
        most = math.ceil(settings.updates_per_day * part)
    count = incident.count
    used = count.updates if count.day == day else 0
    return used + steps_left(incident.severity) < most


def one_more(incident: Incident, time: float) -> Count:
    """Return the count with an update that was sent."""
    day, _ = _age(incident, time)
    return Count(day, 1 + (incident.count.updates if incident.count.day == day else 0))


def stale(settings: AlertingSettings, incident: Incident, time: float) -> bool:
    """Say whether the topic should learn the figures of an incident that is not sent again."""
    shown, members = incident.shown, len(incident.members)
    waited = time - shown.time
    joined = members > shown.members and waited >= settings.grow_every_s
    return joined or (
        waited >= settings.refresh_s
        and (members, incident.observed) != (shown.members, shown.observed)
    )


def told(incident: Incident, time: float) -> Told:
    """Return what there is to tell of an incident now."""
    return Told(time, len(incident.members), incident.observed)


def _age(incident: Incident, time: float) -> tuple[int, float]:
    """Return the day since the first alert, from 0, and the part of it that has passed."""
    days = max(time - incident.detected, 0.0) / _DAY_S
    return int(days), days - int(days)
