"""Decisions in the shape of CrowdSec's local API, so that its clients can carry them out.

https://docs.crowdsec.net/docs/next/local_api/bouncers_api: the first pull has everything, later
ones what was added and what ended since this client's last one. Simulated decisions are left out,
and shown only to those who look up one value with ``simulated=true``. Clients carry out what ended
before what is new, and some keep one decision for each value, the last one (pycrowdsec): with any
change all decisions about a subject are sent again, the strongest last.
Each row has a member ``distillwatch`` that CrowdSec's clients ignore: what a gateway's module needs
to carry out every action from the stream alone.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, get_args

import msgspec

from stream.core.decisions import Action, Decision, SubjectKind
from stream.core.rfc3339 import rfc3339
from stream.decisions.treatment import instruction_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.decisions.in_force import InForce
    from stream.decisions.treatment import TreatmentDefaults

ROOT: Final = "/v1/decisions"
STREAM: Final = f"{ROOT}/stream"
#: A client's own name, where several share a token; it has a state of its own then.
CLIENT: Final = "x-distillwatch-client"
MAX_NAME: Final = 128
#: Of the answer: 1 where it has everything, and the age of the decisions in seconds.
WHOLE: Final = "x-distillwatch-whole"
AGE: Final = "x-distillwatch-age"
_TYPES: Final[Mapping[Action, str]] = {"suspend": "ban", "verify": "captcha"}
_SCOPES: Final[Mapping[SubjectKind, str]] = {"account": "username"}


class LapiExtension(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What CrowdSec has no words for: the decision, and the limits of its action."""

    decision: str
    action: Action
    until: float  # epoch seconds
    requests_per_minute: int | None = None
    output_tokens: int | None = None
    model: str = ""
    instruction: str = ""


class LapiDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about one subject, as CrowdSec names its parts."""

    id: int
    origin: str
    type: str
    scope: str
    value: str
    duration: str
    until: str
    scenario: str
    simulated: bool
    distillwatch: LapiExtension


class LapiStream(msgspec.Struct, frozen=True, kw_only=True):
    """What has changed since the last pull."""

    new: list[LapiDecision] | None
    deleted: list[LapiDecision] | None


#: A decision about one subject.
_Row = tuple[str, SubjectKind, str]
#: Clients whose state is kept; one that was forgotten gets everything again.
MAX_CLIENTS: Final = 64


class LapiFeed:
    """Remembers what each client has got; of more than MAX_CLIENTS, the last that pulled."""

    def __init__(self, defaults: TreatmentDefaults) -> None:
        """Start with clients that have nothing; ``defaults``: limits of decisions without any."""
        self._defaults = defaults
        self._served: dict[str, dict[_Row, Decision]] = {}
        self._last: tuple[InForce, frozenset[str], dict[_Row, Decision]] | None = None

    def has(self, client: str) -> bool:
        """Return whether the next pull can be one of changes."""
        return client in self._served

    def pull(
        self, client: str, in_force: InForce, time: float, *, whole: bool, scopes: frozenset[str]
    ) -> LapiStream:
        """Return everything (``whole``), or the changes since the client's last pull."""
        now = self._rows(in_force, time, scopes)
        before = self._served.pop(client, {})
        if whole:
            before = {}
        self._served[client] = now
        if len(self._served) > MAX_CLIENTS:
            del self._served[next(iter(self._served))]
        if now is before:
            return LapiStream(new=None, deleted=None)
        changed = {row[1:] for row in before.keys() ^ now.keys()}
        new = [self._shown(row, one, time) for row, one in now.items() if row[1:] in changed]
        ended = [self._shown(row, one, time) for row, one in before.items() if row not in now]
        return LapiStream(new=new or None, deleted=ended or None)

    def about(
        self, in_force: InForce, scope: str, value: str, time: float, *, simulated: bool = False
    ) -> list[LapiDecision]:
        """Return what is in force about one value; with ``simulated`` those, too."""
        kinds = (kind for kind in get_args(SubjectKind) if _SCOPES.get(kind, kind) == scope)
        subjects = [(kind, value) for kind in kinds]
        found = {one: in_force.by_subject[one] for one in subjects if one in in_force.by_subject}
        # Some clients look a value up with every request: the other rows are not gone through.
        rows = _rows(found, time, frozenset(), simulated=simulated)
        return [self._shown(row, one, time) for row, one in rows.items()]

    def _rows(self, in_force: InForce, time: float, scopes: frozenset[str]) -> dict[_Row, Decision]:
        """Return the rows; the same object for all clients until something changes."""
        last = self._last
        if last and last[0] is in_force and last[1] == scopes and time < in_force.next_end:
            return last[2]
        rows = _rows(in_force.by_subject, time, scopes)
        self._last = (in_force, scopes, rows)
        return rows

    def _shown(self, row: _Row, decision: Decision, time: float) -> LapiDecision:
        _, kind, name = row
        return LapiDecision(
            id=_number(row),
            origin="distillwatch",
            type=_TYPES.get(decision.action, decision.action),
            scope=_SCOPES.get(kind, kind),
            value=name,
            duration=_go_duration(decision.until - time),
            until=rfc3339(decision.until),
            scenario=f"distillwatch/{decision.action}",
            simulated=decision.simulated,
            distillwatch=_extension(decision, self._defaults),
        )


def _extension(decision: Decision, defaults: TreatmentDefaults) -> LapiExtension:
    """Return the limits of the decision's action, as ``treatment`` takes them."""
    action, limits = decision.action, decision.limits
    throttles, reroutes, marks = action == "throttle", action == "reroute", action == "mark"
    rate = limits.requests_per_minute or defaults.requests_per_minute
    return LapiExtension(
        decision=decision.key,
        action=action,
        until=decision.until,
        requests_per_minute=rate if throttles else None,
        output_tokens=limits.output_tokens if throttles else None,
        model=(limits.model or defaults.model) if reroutes else "",
        instruction=instruction_of(decision, defaults) if marks else "",
    )


def _rows(
    by_subject: Mapping[tuple[SubjectKind, str], tuple[Decision, ...]],
    time: float,
    scopes: frozenset[str],
    *,
    simulated: bool = False,
) -> dict[_Row, Decision]:
    """Return decisions by id and subject; empty ``scopes``: all."""
    return {
        (one.key, kind, name): one
        for (kind, name), decisions in by_subject.items()
        if not scopes or _SCOPES.get(kind, kind) in scopes
        for one in reversed(decisions)
        if one.until > time and (simulated or not one.simulated)
    }


def _number(row: _Row) -> int:
    """Return a stable id that JSON readers keep exact (below 2^53)."""
    joined = "\n".join(row).encode()
    return int.from_bytes(hashlib.blake2b(joined, digest_size=6).digest())


def _go_duration(seconds: float) -> str:
    """Return a duration as Go's time.ParseDuration reads it; negative for what has ended."""
    sign, whole = ("-" if seconds < 0 else ""), int(abs(seconds))
    return f"{sign}{whole // 3600}h{whole % 3600 // 60}m{whole % 60}s"
