"""The obvious rule across accounts: young ones that share the opening of a prompt within a day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from quality.alarms import Alarm
from quality.plan import DAY_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.intake.codec.event import RequestEvent

_ACCOUNTS: Final = 20
_CHARACTERS: Final = 40
_YOUNG_S: Final = 30 * DAY_S


class SharedPrompt:
    """One incident for each opening of a system prompt or prompt."""

    name = f"{_ACCOUNTS} young accounts share {_CHARACTERS} characters"
    needs_text = True

    def __init__(self) -> None:
        """Know no opening."""
        self._users: dict[str, dict[str, float]] = {}
        self._named: dict[str, set[str]] = {}
        self._swept = 0.0
        self._alarms: list[Alarm] = []

    def observe(self, events: Sequence[RequestEvent]) -> None:
        """Note who used which opening when."""
        for event in events:
            time, created = event.timestamp, event.account_created_at
            if created is None or time - created > _YOUNG_S:
                continue
            self._sweep(time)
            for text in (event.system_prompt, event.prompt):
                if text:
                    self._note(text[:_CHARACTERS], event.account_id, time)

    def _note(self, opening: str, account: str, time: float) -> None:
        users = self._users.setdefault(opening, {})
        users[account] = time
        if len(users) < _ACCOUNTS:
            return
        recent = {who for who, last in users.items() if time - last <= DAY_S}
        named = self._named.setdefault(opening, set())
        if len(recent) >= _ACCOUNTS and not recent <= named:
            named |= recent
            self._alarms.append(Alarm(time, opening, "campaign", sorted(named)))

    def _sweep(self, time: float) -> None:
        """Forget once an hour what nobody has used for a day."""
        if time < self._swept + 3600:
            return
        self._swept = time
        for opening, users in list(self._users.items()):
            kept = {who: last for who, last in users.items() if time - last <= DAY_S}
            if kept:
                self._users[opening] = kept
            else:
                del self._users[opening]

    def alarms(self) -> list[Alarm]:
        """Return what was said."""
        return self._alarms
