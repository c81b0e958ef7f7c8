"""Which decisions have become active: an enforcer holds them.

That is one state of each decision. What happens under it afterwards changes no decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.core.decisions import Actor
from stream.decisions.transitions import applied, in_force

if TYPE_CHECKING:
    from stream.decisions.effect_book import EffectBook
    from stream.decisions.register import Register
    from stream.decisions.transitions import Stored


def on_applied(register: Register, effects: EffectBook, time: float) -> list[Stored]:
    """Return approved decisions that an enforcer holds, as active; simulated ones stay approved."""
    found = []
    for one in register.states:
        decision = one.decision
        if decision.state != "approved" or decision.simulated or not in_force(decision, time):
            continue
        if holders := effects.applied(decision):
            found.append(applied(one, Actor(kind="enforcer", name=holders[0].enforcer), time))
    return found
