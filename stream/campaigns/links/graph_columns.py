"""The columns of the bipartite graph: indicators, accounts, and the edges between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from stream.core.traffic import COUNTS, TRAFFIC
from stream.store.columns import Field

if TYPE_CHECKING:
    from collections.abc import Mapping

_F8: Final = np.dtype("<f8")
_I8: Final = np.dtype("<i8")
_U8: Final = np.dtype("<u8")
_BOOL: Final = np.dtype(bool)

VALUES: Final = (
    Field("kind", np.dtype("u1")),  # LinkKind
    Field("value", _U8),  # fingerprint
    Field("size", _I8),  # accounts that have it
    Field("since", _F8, initial=np.inf),  # first use by any account
    Field("last", _F8, initial=-np.inf),
    Field("sent", _F8, initial=-np.inf),  # when it was last sent on
    # Under another salt, 0: none. In a links task what it is called from now on, in alerting what
    # it was called before.
    Field("alias", _U8),
    Field("high_prevalence", _BOOL),
    Field("changed", _BOOL),
    Field("stored", _BOOL),
    Field("dirty", _BOOL),
)
ACCOUNTS: Final = (
    Field("degree", _I8),  # indicators that it has
    Field("organization", _U8),
    Field("created_at", _F8, initial=np.nan),
    Field("first_seen", _F8, initial=np.inf),
    Field("day_requests", _F8),
    Field("active_hours", np.dtype("u1")),
    Field("traffic", TRAFFIC),  # as last received
    Field("hash", np.dtype("<u4")),  # of the id; the same everywhere
    Field("chunks", _I8),  # of its durable rows, 0 before there are any
    Field("dirty", _BOOL),
)
EDGES: Final = (
    Field("value", _I8),
    Field("account", _I8),
    Field("since", _F8, initial=np.inf),
    Field("last", _F8, initial=-np.inf),
    Field("requests", _I8),
    Field("before", COUNTS),  # of its account, before the window of the first use
    Field("fresh", _BOOL, initial=1),  # never sent on
    Field("unsent", _BOOL, initial=1),  # changed since it was sent on
    Field("chunk", np.dtype("<i4"), initial=-1),  # of its account that it is stored in
    Field("dirty", _BOOL),
)
#: What travels with a group about each of its links, as a number.
OF_EDGE: Final = ("since", "last", "requests")
#: What travels with a group about an account besides its indicators.
OF_ACCOUNT: Final[Mapping[str, np.dtype[Any]]] = {
    "organization": _U8,
    "created_at": _F8,
    "first_seen": _F8,
    "day_requests": _F8,
    "active_hours": np.dtype("u1"),
}
