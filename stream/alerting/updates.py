"""When an open incident is sent again, and when only the topic gets its newest figures.

::

    sent       ●────────●─────●───────────────●───▶   grown by a share, more severe, or after long
    refreshed    ○ ○ ○    ○ ○   ○ ○ ○ ○ ○ ○ ○         at intervals between them, to no receiver

Receivers get a limited number of updates in the first 24 hours after the first alert and in each
24 hours after that: at most half of them in the first half of the first day, and evenly in time
after it. Updates that severity may still need are reserved; its changes are always sent.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec

from stream.alerting.incident import UpdateCount
from stream.alerting.severity import steps_left

if TYPE_CHECKING:
    from stream.alerting.incident import Incident
    from stream.alerting.settings import AlertingSettings

_DAY_S: Final = 86400.0
#: The part of the updates of the first day that may come in its first hours.
_AT_ONCE: Final = 0.5


def wanted(settings: AlertingSettings, incident: Incident, time: float) -> bool:
    """Return whether an incident has grown enough, or waited long enough, to be sent again."""
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
    """Return whether the limit leaves room for one more update that does not change severity."""
    day, part = _age(incident, time)
    if day == 0:
        most = math.ceil(settings.updates_first_day * max(part, _AT_ONCE))
    else:
        most = math.ceil(settings.updates_per_day * part)
    used = incident.updates.sent if incident.updates.day == day else 0
    return used + steps_left(incident.severity) < most


def one_more(incident: Incident, time: float) -> UpdateCount:
    """Return the count with an update that was sent."""
    day, _ = _age(incident, time)
    return UpdateCount(day, 1 + (incident.updates.sent if incident.updates.day == day else 0))


def deferred(incident: Incident) -> UpdateCount:
    """Return the count with an update that the limit holds back."""
    return msgspec.structs.replace(incident.updates, deferred=True)


def stale(settings: AlertingSettings, incident: Incident, time: float) -> bool:
    """Return whether the topic should get the figures of an incident that is not sent again."""
    before, now = incident.published, incident.figures(time)
    waited = now.time - before.time
    joined = now.members > before.members and waited >= settings.grow_every_s
    return joined or (
        waited >= settings.refresh_s
        and (now.members, now.observed) != (before.members, before.observed)
    )


def _age(incident: Incident, time: float) -> tuple[int, float]:
    """Return the day since the first alert, from 0, and the part of it that has passed."""
    days = max(time - incident.detected, 0.0) / _DAY_S
    return int(days), days - int(days)
