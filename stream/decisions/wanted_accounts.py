"""What decisions in force want of a gateway's own key management, by account."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.decisions.native_limits import wanted_limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.decisions.in_force import InForce
    from stream.decisions.native_limits import WantedLimits
    from stream.decisions.treatment import TreatmentDefaults


@dataclass(frozen=True, slots=True)
class WantedAccounts:
    """Limits by account, as long as no decision changes or ends."""

    accounts: Mapping[str, WantedLimits]
    unsupported: int  # accounts, keys, users and teams under more than these limits
    next_end: float  # epoch seconds, when the first decision ends

    @classmethod
    def of(
        cls, in_force: InForce, defaults: TreatmentDefaults, time: float, *, observing: bool
    ) -> WantedAccounts:
        """Return what is wanted at ``time`` (epoch seconds); only accounts have limits."""
        accounts: dict[str, WantedLimits] = {}
        unsupported = 0
        for (kind, name), decisions in in_force.by_subject.items():
            own = [one for one in decisions if one.until > time]
            wanted = wanted_limits(own, defaults, observing=observing)
            if wanted is None:
                continue
            if kind == "account":
                accounts[name] = wanted
            unsupported += kind != "account" or wanted.is_partly_unsupported
        ends = (one.until for one in in_force.decisions.values() if one.until > time)
        return cls(accounts, unsupported, min(ends, default=math.inf))

    def changed_since(self, before: Mapping[str, WantedLimits]) -> list[str]:
        """Return the accounts for which something else was wanted."""
        return [
            one
            for one in before.keys() | self.accounts.keys()
            if before.get(one) != self.accounts.get(one)
        ]
