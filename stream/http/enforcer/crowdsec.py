"""Decisions in the shape of CrowdSec's local API, so that its clients can carry them out.

https://docs.crowdsec.net/docs/next/local_api/bouncers_api: the first pull has everything, later
ones what was added and what ended since this client's last one. Simulated decisions are left out,
and shown only to those who look up one value with ``simulated=true``. Clients carry out what ended
before what is new, and some keep one decision for each value, the last one (pycrowdsec): with any
change all decisions about a subject are sent again, the strongest last.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.rfc3339 import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.decisions import Action, Decision, SubjectKind
    from stream.decisions.in_force import InForce

ROOT: Final = "/v1/decisions"
STREAM: Final = f"{ROOT}/stream"
_TYPES: Final[Mapping[Action, str]] = {"suspend": "ban", "verify": "captcha"}
_SCOPES: Final[Mapping[SubjectKind, str]] = {"account": "username"}


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


class LapiStream(msgspec.Struct, frozen=True, kw_only=True):
    """What has changed since the last pull."""

    new: list[LapiDecision] | None
    deleted: list[LapiDecision] | None


#: A decision about one subject.
_Row = tuple[str, "SubjectKind", str]


class LapiFeed:
    """Remembers what each client has got; clients are as many as there are tokens."""

    def __init__(self) -> None:
        """Start with clients that have nothing."""
        self._served: dict[str, dict[_Row, Decision]] = {}

    def pull(
        self, client: str, in_force: InForce, time: float, *, whole: bool, scopes: frozenset[str]
    ) -> LapiStream:
        """Return everything (``whole``), or the changes since the client's last pull."""
        now = _rows(in_force, time, scopes)
        before = {} if whole else self._served.get(client, {})
        self._served[client] = now
        changed = {row[1:] for row in before.keys() ^ now.keys()}
        return LapiStream(
            new=[_shown(row, one, time) for row, one in now.items() if row[1:] in changed] or None,
            deleted=[_shown(row, one, time) for row, one in before.items() if row not in now]
            or None,
        )


def about(
    in_force: InForce, scope: str, value: str, time: float, *, simulated: bool = False
) -> list[LapiDecision]:
    """Return what is in force about one value; with ``simulated`` those, too."""
    rows = _rows(in_force, time, frozenset({scope}), simulated=simulated)
    return [_shown(row, one, time) for row, one in rows.items() if row[2] == value]


def _rows(
    in_force: InForce, time: float, scopes: frozenset[str], *, simulated: bool = False
) -> dict[_Row, Decision]:
    """Return decisions by id and subject; empty ``scopes``: all."""
    return {
        (one.key, kind, name): one
        for (kind, name), decisions in in_force.by_subject.items()
        if not scopes or _SCOPES.get(kind, kind) in scopes
        for one in reversed(decisions)
        if one.until > time and (simulated or not one.simulated)
    }


def _shown(row: _Row, decision: Decision, time: float) -> LapiDecision:
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
    )


def _number(row: _Row) -> int:
    """Return a stable id that JSON readers keep exact (below 2^53)."""
    joined = "\n".join(row).encode()
    return int.from_bytes(hashlib.blake2b(joined, digest_size=6).digest())


def _go_duration(seconds: float) -> str:
    """Return a duration as Go's time.ParseDuration reads it; negative for what has ended."""
    sign, whole = ("-" if seconds < 0 else ""), int(abs(seconds))
    return f"{sign}{whole // 3600}h{whole % 3600 // 60}m{whole % 60}s"
