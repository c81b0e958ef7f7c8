"""The durable state of the accounts stage: a row per account and request id, and two more.

Knows the keys of the rows and nothing of their meaning.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from stream.accounts.detection.observer import AccountObserver
from stream.accounts.windows.account_windows import AccountWindows
from stream.pipeline.egress_sums import EgressSums
from stream.pipeline.light_prompts import LightPrompts
from stream.pipeline.turnover_watch import TurnoverWatch
from stream.store.account_table import AccountTable
from stream.store.durable import DurableTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.accounts.detection.settings import DetectionSettings
    from stream.accounts.windows.request_ids import RequestIds
    from stream.accounts.windows.settings import WindowSettings
    from stream.store.durable import StateRows

_ACCOUNT: Final = b"a"
_REQUEST_IDS: Final = b"d"
_BEGAN: Final = b"b"
_TURNOVERS: Final = b"t"


class AccountsState:
    """Windows, request ids and observer of one task, over one account table."""

    def __init__(
        self,
        *,
        windows: WindowSettings,
        request_ids: RequestIds,
        detection: DetectionSettings,
    ) -> None:
        """Start empty."""
        self.table: Final = AccountTable(
            (
                *AccountWindows.FIELDS,
                *AccountObserver.FIELDS,
                *LightPrompts.FIELDS,
                *TurnoverWatch.FIELDS,
                *EgressSums.FIELDS,
            ),
            max_accounts=windows.max_accounts,
        )
        self.windows: Final = AccountWindows(self.table)
        self.turnovers: Final = TurnoverWatch(self.table, self.windows)
        self.request_ids: Final = request_ids
        self.observer: Final = AccountObserver(detection, self.table)
        self.light_prompts: Final = LightPrompts(self.table)
        self.egress: Final = EgressSums(self.table)
        self._accounts: Final = DurableTable(_ACCOUNT, self.table, {})
        self._written_began = math.inf

    @property
    def layouts(self) -> Mapping[str, Mapping[str, str]]:
        """Return what the stored rows of each part consist of."""
        windows = {**self._accounts.layout, **self.windows.layout, **self.turnovers.layout}
        return {
            "windows": windows | self.observer.layout,
            "request_ids": self.request_ids.layout,
        }

    @property
    def nbytes(self) -> int:
        """Return the size of the tables in bytes."""
        return self.table.columns.nbytes + self.request_ids.nbytes

    def take_changes(self) -> StateRows:
        """Return changed and forgotten accounts, request ids, and the beginning."""
        return [
            *self._accounts.take_changes(),
            *self._beginning(),
            *((_TURNOVERS, row) for row in self.turnovers.take_changes()),
            *((_REQUEST_IDS + key, row) for key, row in self.request_ids.take_changes()),
        ]

    def _beginning(self) -> StateRows:
        """Return when the stream began, unless that is written."""
        if self.windows.began_s == self._written_began:
            return []
        self._written_began = self.windows.began_s
        return [(_BEGAN, repr(self._written_began).encode())]

    def load(self, rows: StateRows) -> None:
        """Load stored rows in the order they were written; None deletes."""
        latest = dict(rows)
        self._accounts.load(rows)
        self.windows.began_s = self._written_began = float(
            latest.get(_BEGAN) or self.windows.began_s
        )
        if (checked := latest.get(_TURNOVERS)) is not None:
            self.turnovers.load(checked)
        self.request_ids.load({k[1:]: row for k, row in latest.items() if k[:1] == _REQUEST_IDS})

    def loaded(self, part: str) -> None:
        """Finish loading a part: there are no more rows of it."""
        if part == "request_ids":
            self.request_ids.loaded()
        else:
            self.table.trim(self.windows.retention.eviction_priority)
