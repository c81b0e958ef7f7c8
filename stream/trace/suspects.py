"""The incidents that a data set is compared with: their newest states, and verdicts on them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from stream.core.alerts import Alert, alert_in
from stream.core.errors import UsageError
from stream.core.feedback import Verdict, newer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Assumed: a hundred incidents a day over two years are fewer, and so are their members.
MOST_INCIDENTS: Final = 100_000
MOST_MEMBERS: Final = 2_000_000
#: Verdicts after which an incident counts no more.
_CLEARED: Final = frozenset({"false_positive", "benign"})

_verdict = msgspec.json.Decoder(Verdict).decode


class Suspect(NamedTuple):
    """A campaign, or a lone account; ``peripheral`` accounts are neither members nor controls."""

    alert_id: str
    campaign_id: str  # empty: a lone account
    accounts: tuple[str, ...]
    peripheral: tuple[str, ...]


class SuspectBook:
    """Takes in records of the topics of alerts and verdicts, in any order; mutable."""

    def __init__(self) -> None:
        """Start with none."""
        self._states: dict[str, tuple[tuple[float, bytes], Suspect]] = {}
        self._drills: set[str] = set()
        self._verdicts: dict[str, Verdict] = {}
        self._members = 0
        self.damaged = 0

    def take_alert(self, value: bytes | None) -> None:
        """Take in a state of an incident; raises UsageError beyond the bounds."""
        alert = alert_in(value)
        time = None if alert is None else _time(alert.updated_at)
        if alert is None or time is None:
            self.damaged += 1
            return
        found = Suspect(
            alert.alert_id,
            alert.campaign_id or "",
            tuple(sorted(set(_accounts(alert)))),
            tuple(alert.peripheral_ids),
        )
        rank = time, hashlib.sha256(value or b"").digest()
        known = self._states.get(found.alert_id)
        if alert.drill:
            self._drills.add(found.alert_id)
        if known is not None and known[0] >= rank:
            return
        self._members += len(found.accounts) - (0 if known is None else len(known[1].accounts))
        self._states[found.alert_id] = rank, found
        if len(self._states) > MOST_INCIDENTS or self._members > MOST_MEMBERS:
            raise UsageError(
                f"the alerts topic has more than {MOST_INCIDENTS:,} incidents "
                f"or {MOST_MEMBERS:,} members"
            )

    def take_verdict(self, value: bytes | None) -> None:
        """Take in a verdict; one beyond the bound counts as damaged."""
        try:
            found = _verdict(value or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.damaged += 1
            return
        if found.key not in self._verdicts and len(self._verdicts) >= MOST_INCIDENTS:
            self.damaged += 1
            return
        self._verdicts[found.key] = newer(self._verdicts.get(found.key), found)

    def suspects(self) -> list[Suspect]:
        """Return the incidents that no person has found harmless, without drills, by id."""
        return [
            suspect
            for alert_id, (_, suspect) in sorted(self._states.items())
            if alert_id not in self._drills and suspect.accounts and not self._cleared(alert_id)
        ]

    def _cleared(self, alert_id: str) -> bool:
        verdict = self._verdicts.get(alert_id)
        return verdict is not None and verdict.label in _CLEARED


def components(suspects: Iterable[Suspect]) -> Mapping[str, int]:
    """Return account -> number of its component: incidents that have an account in common.

    What answers to accounts of one component share is not shared by unrelated accounts.
    """
    root: dict[str, str] = {}

    def find(name: str) -> str:
        while root[name] != name:
            root[name] = root[root[name]]
            name = root[name]
        return name

    for suspect in suspects:
        first = suspect.accounts[0]
        for account in suspect.accounts:
            root.setdefault(account, account)
            root[find(account)] = find(first)
    numbers: dict[str, int] = {}
    return {name: numbers.setdefault(find(name), len(numbers)) for name in root}


def _accounts(alert: Alert) -> Sequence[str]:
    if alert.kind == "campaign":
        return alert.account_ids or []
    return [alert.account_id] if alert.account_id else []


def _time(text: str) -> float | None:
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
