"""The incidents of a run as its page shows them: alerts, candidates and traffic together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream.core.alerts import Alert
    from stream.tools.report.account_traffic import Traffic
    from stream.tools.report.candidates import Candidate, Candidates

#: Shared values that have a letter.
LINKS: Final = 10
_RANK: Final = {"critical": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member of an incident; times are epoch seconds."""

    account: str
    first_request: float | None
    suspected: float | None  # first score at or above the clear score
    named: float  # in an alert for the first time
    requests: int
    output_tokens: int
    score: float
    shares: str  # letters of the shared values, as far as the alert lists who has them


@dataclass(frozen=True, slots=True)
class Case:
    """One incident."""

    first: Alert
    last: Alert  # the last one
    firing: Alert  # the last one while it was firing
    alerts: int
    members: tuple[MemberRow, ...]  # most output tokens first
    scores: Mapping[int, float]  # hour since the epoch -> highest
    requests: int  # of the members, in the whole run
    output_tokens: int

    @property
    def accounts(self) -> frozenset[str]:
        """Return every account that an alert of it has named."""
        return frozenset(row.account for row in self.members)


@dataclass(frozen=True, slots=True)
class RunData:
    """The traffic and scores of all accounts in a run."""

    traffic: Traffic
    candidates: Candidates
    best: Mapping[str, float]  # account -> the highest score that it, or a group with it, has had


def cases(alerts: Sequence[Alert], seen: RunData) -> list[Case]:
    """Return the incidents, most severe and largest first."""
    by_id: dict[str, list[Alert]] = {}
    for alert in alerts:
        by_id.setdefault(alert.alert_id, []).append(alert)
    ranked = seen.candidates.ranked()
    found = [_case(some, seen, ranked) for some in by_id.values()]
    return sorted(
        found,
        key=lambda one: (
            _RANK[one.firing.severity],
            -one.output_tokens,
            -one.requests,
            one.first.alert_id,
        ),
    )


def missed(candidates: Candidates, found: Sequence[Case]) -> list[Candidate]:
    """Return the candidates that no incident is about, highest first."""
    named = frozenset[str]().union(*(case.accounts for case in found))
    return [one for one in candidates.ranked() if not _mostly(one, named) and one.score > 0]


def epoch(text: str) -> float:
    """Return the epoch seconds of an alert's time."""
    return datetime.fromisoformat(text).timestamp()


def _case(alerts: Sequence[Alert], seen: RunData, ranked: Sequence[Candidate]) -> Case:
    firing = next((a for a in reversed(alerts) if a.status == "firing"), alerts[-1])
    named: dict[str, float] = {}
    for alert in alerts:
        for account in _accounts(alert):
            named.setdefault(account, epoch(alert.updated_at))
    shares = _shares(firing)
    rows = [_member(a, at, seen, shares.get(a, "")) for a, at in named.items()]
    scores: dict[int, float] = {}
    campaign, accounts = alerts[0].kind == "campaign", frozenset(named)
    for one in ranked:
        if one.campaign == campaign and _mostly(one, accounts):
            for hour, score in one.hourly.items():
                scores[hour] = max(score, scores.get(hour, 0.0))
    requests, _, output_tokens = seen.traffic.total(named)
    return Case(
        first=alerts[0],
        last=alerts[-1],
        firing=firing,
        alerts=len(alerts),
        members=tuple(sorted(rows, key=lambda r: (-r.output_tokens, -r.requests, r.account))),
        scores=scores,
        requests=requests,
        output_tokens=output_tokens,
    )


def _member(account: str, named: float, seen: RunData, shares: str) -> MemberRow:
    did = seen.traffic.account(account)
    return MemberRow(
        account=account,
        first_request=did.first if did else None,
        suspected=seen.candidates.suspected.get(account),
        named=named,
        requests=did.requests if did else 0,
        output_tokens=did.output_tokens if did else 0,
        score=seen.best.get(account, 0.0),
        shares=shares,
    )


def letter(place: int) -> str:
    """Return the letter of a shared value, of the first :data:`LINKS`."""
    return chr(ord("A") + place)


def _shares(alert: Alert) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    accounts = alert.account_ids or []
    for place, link in enumerate(alert.links[:LINKS]):
        for member in link.members:
            found.setdefault(accounts[member], []).append(letter(place))
    return {account: "".join(letters) for account, letters in found.items()}


def _accounts(alert: Alert) -> list[str]:
    return [*(alert.account_ids or ()), *([alert.account_id] if alert.account_id else [])]


def _mostly(candidate: Candidate, accounts: frozenset[str]) -> bool:
    return 2 * sum(account in accounts for account in candidate.accounts) > len(candidate.accounts)
