"""Picks the turns of light accounts that send context they have not produced.

Whose context it is, is not known here: alerting sees the turns of all such accounts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.findings import TURN, LightTurns
from stream.pipeline.light_prompts import members_at
from stream.store.order import cumcount, run_starts

if TYPE_CHECKING:
    from stream.accounts.windows.contexts import Contexts, Turns
    from stream.core.batch import AccountSlots
    from stream.pipeline.link_extraction import WindowSnapshot

#: Requests of a day up to which turns are sent. Assumed: a router's accounts have 45, and heavier
#: accounts are scored one by one.
LIGHT: Final = 200.0
#: Unexplained requests of an account from which its turns are sent, and their share of those with
#: context. Measured without text (quick set): router accounts have 0.32 to 0.69 at the 5th and 95th
#: percentile, people 0.02 to 0.30.
_LEAST: Final = 1.5
_LEAST_SHARE: Final = 0.3
#: Turns of an account and window, the latest (assumed: a light account has fewer).
MOST_TURNS: Final = 32


def light_turns(
    snapshot: WindowSnapshot, turns: Turns, contexts: Contexts, slots: AccountSlots
) -> list[LightTurns]:
    """Return the turns of a window of each chosen account, by account.

    ``slots`` (n,) are those of the window's accounts, ``contexts`` as they are at its end.
    """
    if not len(turns.rows):
        return []
    every, unexplained = contexts.counts(slots).T
    chosen = unexplained >= np.maximum(_LEAST, _LEAST_SHARE * every)
    chosen &= snapshot.day_requests <= LIGHT
    own = chosen[turns.account].nonzero()[0]
    if not len(own):
        return []
    own = own[cumcount(turns.account[own][::-1])[::-1] < MOST_TURNS]
    columns, at = snapshot.rows.columns, turns.rows[own]
    found = np.zeros(len(at), TURN)
    found["time"] = columns["time"][at]
    found["after"] = found["input"] = columns["input_tokens"][at]
    found["after"] += columns["output_tokens"][at].astype(np.uint32)
    found["input"][~turns.unexplained[own]] = 0
    starts = run_starts(turns.account[own])
    parts = np.split(found, starts[1:])
    members = members_at(snapshot, turns.account[own][starts])
    return [
        LightTurns(snapshot.rows.time, part.tobytes(), member)
        for part, member in zip(parts, members, strict=True)
    ]
