"""Which accounts many people use, as far as the networks and clients of their requests show it.

One person has a home, an office and a phone, and one or two clients. An account is crowded when its
requests come from many networks and from many clients, or from another network nearly every time.
Why is another question: a team, a product that its users call directly and a reseller's customers
look the same. A company's proxy or a mobile operator's address translation has few networks, a
fleet of machines few clients and many requests from each network.

Measured on the benchmark's quick set without countries, accounts over three days: of 393 benign
ones three (teams of up to twenty people behind one key) have eight networks and eight clients, none
has 16 networks and every second request from another; all of 16 reseller's and of 80 router's
accounts have one or the other. Networks and clients of real people are in no public log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from stream.accounts.windows.account_windows import AccountWindows
    from stream.core.batch import AccountSlots, Floats, Mask

#: Networks, and clients, of one or two days (assumed: more than three people have).
_LEAST: Final = 8.0
#: Networks of an account whose requests come from another one nearly every time (assumed: a phone
#: moves between fewer of its operator's).
_LEAST_ROTATING: Final = 16.0
#: Networks per request of a day, of these (assumed: people have sessions).
_EACH: Final = 0.5


def is_crowded(
    windows: AccountWindows, slots: AccountSlots, time: float, networks: Floats, day: Floats
) -> Mask:
    """Return which accounts are crowded at the end of a window, epoch seconds; ``(n,)``.

    ``networks`` (n,) are their distinct ones, ``day`` (n,) their requests of a day.
    """
    crowded = (networks >= _LEAST_ROTATING) & (networks >= _EACH * day)
    many = np.flatnonzero((networks >= _LEAST) & ~crowded)
    if len(many):
        crowded[many] = windows.user_agents(slots[many], time) >= _LEAST
    return np.asarray(crowded)
