"""The light accounts that send context they have not produced, and whose turns it fitted.

Bounded and durable; concludes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from stream.campaigns.contexts.chance import MOST
from stream.campaigns.contexts.turns import MATCH, number
from stream.core.errors import StateError
from stream.core.findings import Member
from stream.store.layouts import of_dtype, of_structs
from stream.store.order import ascending

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.core.batch import Array, Counts

#: Matches of an account count for this long (assumed: a day has all hours).
_REMEMBER_S: Final = 86_400.0
#: Accounts that are known (assumed: those of a large gateway; deploy/bounds.md).
MOST_ACCOUNTS: Final = 16_384


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    member: Member
    matches: bytes


@dataclass(slots=True)
class Taker:
    """An account: its part in a group as of its last turn, and its matches by time."""

    member: Member
    matches: Array = field(default_factory=lambda: np.zeros(0, MATCH))
    met: tuple[int, ...] = (0, 0)  # others whose turns came before, and after

    def keep(self, matches: Array) -> None:
        """Have these matches; each other account counts once, by the side it is more often on.

        So two keys of one client, which meet each other only, show nothing.
        """
        self.matches = matches
        others, which = np.unique(matches["other"], return_inverse=True)
        sides = np.bincount(which, np.where(matches["before"], 1.0, -1.0), len(others))
        self.met = tuple(min(int(np.count_nonzero(side > 0)), MOST) for side in (sides, -sides))


class Takers:
    """The accounts by name."""

    #: What stored rows consist of.
    layout: Final = {**of_structs(_Stored), "matches of contexts": of_dtype(MATCH)}

    def __init__(self) -> None:
        """Start without any."""
        self._known: dict[str, Taker] = {}
        self._dirty: set[str] = set()

    def add(self, members: Iterable[Member]) -> None:
        """Note accounts with turns: an account joins with its first ones."""
        for member in members:
            name = member.account_id
            known = self._known.get(name)
            if known is None:
                self._known[name] = Taker(member)
            else:
                first = known.member
                known.member = msgspec.structs.replace(
                    member, since=first.since, before=first.before
                )
            self._dirty.add(name)

    def note(self, matches: Array) -> None:
        """Add matches, by time."""
        if not len(matches):
            return
        named = {number(name): name for name in sorted(self._known, reverse=True)}
        for account in ascending(matches["account"]).tolist():
            if (name := named.get(account)) is not None:
                taker = self._known[name]
                new = matches[matches["account"] == account]
                taker.keep(np.concatenate([taker.matches, new])[-2 * MOST :])
                self._dirty.add(name)

    def forget(self, time: float) -> int:
        """Forget what is old at ``time``; return how many accounts there was no room for."""
        old = time - _REMEMBER_S
        gone = [name for name, one in self._known.items() if one.member.last < old]
        excess = max(len(self._known) - len(gone) - MOST_ACCOUNTS, 0)
        if excess:
            last = {name: one.member.last for name, one in self._known.items()}
            gone = sorted(last, key=lambda name: (last[name], name))[: len(gone) + excess]
        for name in gone:
            del self._known[name]
        self._dirty.update(gone)
        for name, taker in self._known.items():
            if len(taker.matches) and taker.matches["time"][0] < old:
                taker.keep(taker.matches[taker.matches["time"] >= old])
                self._dirty.add(name)
        return excess

    def forget_accounts(self, names: Iterable[str]) -> None:
        """Forget accounts, also as those that the others met; unknown ones are ignored."""
        gone = {*names}
        for name in gone & self._known.keys():
            del self._known[name]
            self._dirty.add(name)
        numbers = np.array([number(name) for name in gone], np.uint32)
        for name, taker in self._known.items():
            met = np.isin(taker.matches["other"], numbers)
            if met.any():
                taker.keep(taker.matches[~met])
                self._dirty.add(name)

    def met(self) -> tuple[list[str], Counts, Counts]:
        """Return the accounts with matches, and the others met before and after, ``(n,)`` each."""
        names = sorted(name for name, one in self._known.items() if one.met != (0, 0))
        found = np.array([self._known[name].met for name in names], np.int64).reshape(-1, 2)
        return names, found[:, 0], found[:, 1]

    def members(self, names: Sequence[str]) -> list[Member]:
        """Return the accounts as they join a group."""
        return [self._known[name].member for name in names]

    # -- durable rows -------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the rows changed since the last call, by account; None deletes."""
        dirty, self._dirty = sorted(self._dirty), set()
        return [(name.encode(), self._stored(name)) for name in dirty]

    def _stored(self, name: str) -> bytes | None:
        taker = self._known.get(name)
        if taker is None:
            return None
        return msgspec.msgpack.encode(_Stored(taker.member, taker.matches.tobytes()))

    def load(self, key: bytes, row: bytes | None) -> None:
        """Take over a stored row. Raises StateError when it is damaged."""
        self._known.pop(key.decode(), None)
        if row is None:
            return
        stored = msgspec.msgpack.decode(row, type=_Stored)
        if len(stored.matches) % MATCH.itemsize:
            raise StateError("stored matches of contexts cannot be read")
        taker = self._known[key.decode()] = Taker(stored.member)
        taker.keep(np.frombuffer(stored.matches, MATCH))
