"""What intake does for sharing: notes values that several accounts have, and matches indicators.

Of a value that several accounts have, its fingerprints under both keys go out once; of a network
that enough accounts have, the network in the clear. No text does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from stream.core.indicators import LEAST_NETWORK_ACCOUNTS, ShareableValue, SharedKind
from stream.core.records import Emission
from stream.intake.fingerprint.shareable import Sharing
from stream.intake.sharing.indicator_table import KINDS, is_network
from stream.intake.sharing.linking import LinkingTable

if TYPE_CHECKING:
    from stream.core.batch import Fingerprints
    from stream.intake.fingerprint.shareable import ShareableRows
    from stream.intake.metrics import IntakeMetrics
    from stream.intake.sharing.indicator_table import IndicatorTable
    from stream.intake.sharing.settings import SharingSettings

#: Accounts that link a value: it may be shared from then on.
LEAST_ACCOUNTS: Final = 2
#: Values that wait to be sent; further ones are noted again later (assumed: a batch has fewer).
MOST_WAITING: Final = 4_096


class ValueSharing:
    """The sharing part of one intake."""

    def __init__(
        self, settings: SharingSettings, indicators: IndicatorTable, metrics: IntakeMetrics
    ) -> None:
        """Match events with ``indicators``, which may be loaded meanwhile."""
        self._key_id = settings.key_id
        self._tables = {
            kind: LinkingTable(
                most=settings.max_values,
                least_accounts=LEAST_NETWORK_ACCOUNTS if kind == "network" else LEAST_ACCOUNTS,
            )
            for kind in KINDS
        }
        self._indicators = indicators
        self._matches = metrics.indicator_matches_total
        self._noted = metrics.shareable_values_total
        self._waiting: list[ShareableValue] = []
        self.hashing = Sharing(settings.key.reveal().encode(), self._take)

    def emissions(self) -> list[Emission]:
        """Return the values that have come to have enough accounts since the last call."""
        waiting, self._waiting = self._waiting, []
        return [
            Emission("shareable", None, one.key.encode(), msgspec.json.encode(one))
            for one in waiting
        ]

    def _take(self, rows: ShareableRows) -> Fingerprints | None:
        accounts = np.fromiter((hash(name) or 1 for name in rows.accounts), np.int64)
        for kind, table in self._tables.items():
            if kind in rows.own:
                for row in table.note(rows.own[kind], accounts):
                    self._note(kind, rows, row)
        values = {**rows.shared, "network": rows.own["network"]}
        found = self._indicators.matched(values, rows.time)
        if found is not None:
            self._matches.inc(int(np.count_nonzero(found)))
        return found

    def _note(self, kind: SharedKind, rows: ShareableRows, row: int) -> None:
        own = int(rows.own[kind][row])
        if kind == "network":
            network = rows.network_of(rows.addresses[row] or "")
            shared = network if is_network(network) else ""
        else:
            shared = f"{int(rows.shared[kind][row]):016x}"
        if len(self._waiting) >= MOST_WAITING:
            self._tables[kind].forget(own)
        elif shared:
            self._noted.labels(kind=kind).inc()
            key_id = "" if kind == "network" else self._key_id
            self._waiting.append(
                ShareableValue(kind=kind, own=f"{own:016x}", key_id=key_id, shared=shared)
            )
