"""Keeps a gateway's keys or consumers as decisions want them, beside the answers of an enforcer.

Whatever a call does, it begins with reading what the gateway has, so it may be repeated, by this
enforcer or another one. Everything is compared at the start and every ``check_s``: what is in
force, and what has a mark of ours. Until the decisions have been read nothing is touched.
"""

from __future__ import annotations

import asyncio
import logging
import math
from typing import TYPE_CHECKING, Final

from stream.decisions.native_limits import LIMIT_NAMES, next_state
from stream.decisions.wanted_accounts import WantedAccounts
from stream.enforcement.admin.account_queue import AccountQueue
from stream.enforcement.admin.admin_gateway import AdminError
from stream.enforcement.admin.pace import AdminPace
from stream.enforcement.admin.standings import Standings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from stream.decisions.in_force import InForce
    from stream.decisions.native_limits import WantedLimits
    from stream.decisions.treatment import TreatmentDefaults
    from stream.delivery.time_source import Clock
    from stream.enforcement.admin.admin_gateway import AdminGateway, GatewayAccount
    from stream.enforcement.admin.metrics import AdminMetrics, Change
    from stream.enforcement.admin.settings import AdminSettings
    from stream.enforcement.decision_feed import DecisionFeed

_LOG = logging.getLogger("stream.enforcement.admin")
#: Accounts that are queued together, in a fraction of a millisecond.
_PORTION: Final = 500


class Reconciler:
    """Its steps; :class:`AdminLoops` repeats them. ``pace`` has when the next account may be."""

    def __init__(
        self,
        settings: AdminSettings,
        gateway: AdminGateway,
        *,
        feed: DecisionFeed,
        defaults: TreatmentDefaults,
        observing: bool,
        metrics: AdminMetrics,
        clock: Clock,
        random: Random,
    ) -> None:
        """``observing``: no decision is carried out, and what was before is undone."""
        self._settings = settings
        self._gateway = gateway
        self._feed = feed
        self._defaults = defaults
        self._observing = observing
        self._clock = clock
        self._queue = AccountQueue(longest_retry_s=settings.longest_retry_s, random=random)
        self.pace = AdminPace(settings, clock=clock, random=random)
        self._standings = Standings(metrics)
        self._wanted: Mapping[str, WantedLimits] = {}
        self._seen: InForce | None = None
        self._next_end = math.inf

    @property
    def has_looked(self) -> bool:
        """Return whether it knows what decisions want."""
        return self._seen is not None

    async def close(self) -> None:
        """Close the connections to the gateway."""
        await self._gateway.close()

    async def look(self) -> None:
        """Take in what decisions want by now, and queue what has changed."""
        in_force, now = self._feed.in_force, self._clock.wall()
        if not self._feed.read_at_s:
            return  # nothing is known: undoing everything would be wrong
        if in_force is not self._seen or now >= self._next_end:
            made, changed = await asyncio.to_thread(self._made, in_force, now)
            self._wanted = made.accounts
            self._seen, self._next_end = in_force, made.next_end
            await self._each(changed, lambda one: self._queue.add(one, self._clock.monotonic()))
            self._standings.unsupported(made.unsupported)
        self._show()

    async def compare(self) -> None:
        """Queue all that is in force, and all that has a mark of ours; raises AdminError."""
        self._queue.reconsider()
        await self._each(list(self._wanted), self._queue.compare)
        async for account in self._gateway.marked():
            self._queue.compare(account)

    async def work(self) -> bool:
        """Bring the next account to what is wanted; false: none is due."""
        account = self._queue.take(self._clock.monotonic())
        if account is None:
            return False
        self.pace.count()
        change: Change = "apply" if account in self._wanted else "undo"
        try:
            written = await self._bring(account)
        except AdminError as error:
            self._failed(account, change, error)
        except BaseException:
            self._queue.retry(account, self._clock.monotonic())
            raise
        else:
            self.pace.succeeded()
            if written:
                self._standings.count(change, "done")
            self._queue.finish(account)
        self._show()
        return True

    async def _bring(self, account: str) -> bool:
        """Read an account, and write what differs; return whether anything did."""
        known = await self._gateway.read(account)
        wanted = self._wanted.get(account)
        limits = wanted.limits if wanted else {}
        time = self._clock.wall()
        states = {
            name: next_state(
                known.limits[name], limits.get(name), time, lambda one: self._is_over(account, one)
            )
            for name in LIMIT_NAMES
        }
        changes = {name: one for name, one in states.items() if one != known.limits[name]}
        if changes:
            await self._gateway.write(known, changes, self._person(known, wanted))
        marked = any(one.mark for one in states.values())
        self._standings.stands(account, "applied" if marked else "stricter" if limits else None)
        return bool(changes)

    def _person(self, known: GatewayAccount, wanted: WantedLimits | None) -> str:
        """Return who is to be named for a change: who approved, or who ended the decision."""
        if wanted:
            return wanted.person
        marks = (one.mark for one in known.limits.values() if one.mark)
        ended = (self._feed.register.get(mark.decisions[0]) for mark in marks if mark.decisions)
        return next((one.decision.actor.name for one in ended if one), "")

    def _is_over(self, account: str, decision_id: str) -> bool:
        """Return whether a decision no longer counts for an account.

        One that is in force counts for an account that it is not about, too: a key that was made
        again has the old one's mark, and another hash.
        """
        if self._feed.register.get(decision_id) is None:
            return False
        decision = self._feed.in_force.decisions.get(decision_id)
        return self._observing or decision is None or ("account", account) in decision.subjects

    def _failed(self, account: str, change: Change, error: AdminError) -> None:
        self._standings.count(change, error.result)
        if error.result == "unavailable":
            self.pace.failed(error)
            self._queue.retry(account, self._clock.monotonic())
            return
        self.pace.succeeded()
        is_gone = error.result == "unknown" and change == "undo"
        self._standings.stands(account, None if is_gone else error.result)
        if error.result != "unknown":
            wanted = self._wanted.get(account)
            limits = wanted.limits.values() if wanted else ()
            _LOG.error(
                "admin: an account cannot be changed (%s): %s; compared again after %.0f s",
                ", ".join(sorted({name for one in limits for name in one.decisions})) or change,
                error,
                self._settings.check_s,
            )
            self._queue.give_up(account, self._clock.monotonic())
            return
        self._queue.finish(account)

    def _made(self, in_force: InForce, time: float) -> tuple[WantedAccounts, list[str]]:
        """Return what is wanted, and for which accounts that is new; runs in a thread."""
        made = WantedAccounts.of(in_force, self._defaults, time, observing=self._observing)
        return made, made.changed_since(self._wanted)

    async def _each(self, accounts: list[str], do: Callable[[str], None]) -> None:
        """Do something with each account, and let answers of the enforcer between."""
        for start in range(0, len(accounts), _PORTION):
            for account in accounts[start : start + _PORTION]:
                do(account)
            await asyncio.sleep(0)

    def _show(self) -> None:
        self._standings.show(self._queue.pending, self._queue.oldest_s(self._clock.monotonic()))
