"""Links as columns: which account used which indicator, per window.

The accounts stage emits one row per (account, indicator, window); the links stage reads
them partitioned by value.
"""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from stream.core.batch import Batch
from stream.core.traffic import COUNTS, TRAFFIC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.batch import Array, Fingerprints, Mask, Seconds
    from stream.core.feedback import LinkName


class LinkKind(IntEnum):
    """The attributes that can link accounts. The numbers are part of the packet format."""

    SYSTEM_PROMPT = 1
    TEMPLATE = 2
    PAYMENT = 3
    ADDRESS = 4
    CLIENT = 5  # TLS fingerprint together with user agent
    PHRASE = 6
    CHANGE_POINT = 7  # answers have grown since about then (detection/change_points.py)
    CONVERSATION = 8  # first question and answer of a conversation that another account began
    NETWORK = 9  # of accounts that call from several
    SUCCESSION = 10  # one fell silent and another took over (campaigns/succession)
    TOPIC = 11  # lives in the topic that surged about then (accounts/topics); alerting finds it
    CUSTOMERS = 12  # many people use it, and it began about then (accounts/windows/crowded.py)
    CONTEXT = 13  # sends context that others produced (campaigns/contexts); alerting finds it
    INDICATOR = 14  # another operator reported this value; see stream.core.indicators

    @property
    def label(self) -> LinkName:
        """Return the name that alerts and suppressions have for it."""
        return cast("LinkName", self.name.lower())

    @classmethod
    def of(cls, label: LinkName) -> LinkKind:
        """Return the attribute of a name."""
        return cls[label.upper()]


def of_kinds(kind: Array, kinds: tuple[LinkKind, ...]) -> Mask:
    """Return which numbers of kinds (u1) are one of ``kinds``; same shape.

    ``np.isin`` does the same in several passes.
    """
    return np.asarray(_among(kinds)[kind])


@cache
def _among(kinds: tuple[LinkKind, ...]) -> Mask:
    among = np.zeros(256, bool)
    among[[*kinds]] = True
    return among


#: An odd number that spreads indicators over 64 bits, one to one (Fibonacci hashing; Knuth,
#: TAOCP 3, 6.4).
SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)

#: Added to the requests of an account with a conversation whose answer the gateway gave to it: it
#: did not take the conversation over. More than the requests of any conversation.
GIVEN: Final = 1 << 20
#: Requests of an account and day of which conversations are linked, a sample by question, so that
#: all accounts keep the same (assumed: people have fewer).
CONVERSATIONS_A_DAY: Final = 64

_HALF_DAY_S: Final = 43_200.0


def client_value(tls: Fingerprints, user_agent: Fingerprints) -> Fingerprints:
    """Return one fingerprint for TLS fingerprint and user agent together; 0 without the former."""
    mixed = (tls * SPREAD) ^ user_agent
    return np.where(tls != 0, mixed, np.uint64(0))


def half_days(times: Seconds) -> tuple[Fingerprints, Fingerprints]:
    """Return two values for each time, ``(n,)``: the days around it, from midnight and from noon.

    Times within twelve hours of one another have one of them in common.
    """
    half = (times // _HALF_DAY_S).astype(np.uint64)
    return half * SPREAD, (half + np.uint64(1)) * SPREAD


LINK_COLUMNS: Final[Mapping[str, np.dtype[Any]]] = {
    "time": np.dtype("<f8"),  # end of the window, epoch seconds
    "account": np.dtype("<u4"),  # index into LinkBatch.accounts
    "kind": np.dtype("u1"),  # LinkKind
    "value": np.dtype("<u8"),  # keyed fingerprint, never 0
    "requests": np.dtype("<i4"),  # of the account with this value, in this window; see GIVEN
    "before": COUNTS,  # the account's counters before this window
    "traffic": TRAFFIC,  # ... and at its end
    "organization": np.dtype("<u8"),  # of the account, keyed fingerprint, 0 when unknown
    "created_at": np.dtype("<f8"),  # account creation, NaN when unknown
    "first_seen": np.dtype("<f8"),  # of the account, event time
    "day_requests": np.dtype("<f4"),  # of the account over its last day, all values
    "active_hours": np.dtype("u1"),  # hours of the account's last day with a request, 0..24
}


class LinkBatch(Batch):
    """Links that one accounts task found.

    While ``intake.salt`` is replaced, a value is linked under both salts: once as the fingerprint
    under the previous one, of which ``successor`` is that under the new one, and once as the new
    one itself, its own ``successor``, which is only learnt from. ``previous_organization`` is the
    account's organization under the previous salt.
    """

    __slots__ = ()
    SCHEMA = LINK_COLUMNS
    OPTIONAL = dict.fromkeys(("successor", "previous_organization"), np.dtype("<u8"))
