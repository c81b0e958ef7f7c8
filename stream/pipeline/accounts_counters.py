"""What the accounts stage counts: tokens by state of their account, evictions, sizes."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection.account_states import AccountState
from stream.core.networks import KINDS, country_name
from stream.telemetry.contribution import GaugeContribution

if TYPE_CHECKING:
    from stream.accounts.metrics import AccountsMetrics
    from stream.accounts.windows.account_windows import WindowRows
    from stream.core.batch import AccountSlots
    from stream.pipeline.accounts_state import AccountsState

_DIRECTIONS: Final = ("input", "output")
#: Label of ``observed_tokens_total`` -> states of an account.
_STATES_OF_LABEL: Final = {
    "warming_up": (AccountState.WARMING_UP,),
    "clear": (AccountState.CLEAR,),
    "anomalous": (AccountState.SUSPECT, AccountState.ANOMALOUS),
}


class AccountsCounters:
    """Counts for one task; the gauges are sums over the tasks of a worker."""

    def __init__(self, state: AccountsState, *, metrics: AccountsMetrics) -> None:
        """Count what ``state`` holds."""
        self._state = state
        self._metrics = metrics
        self._tokens = np.zeros((len(_DIRECTIONS), len(AccountState)))
        #: By hosting bits and country; bounded by both.
        self._egress: defaultdict[int, float] = defaultdict(float)
        self._evicted = 0
        self._forgotten = 0
        self._gauges = {
            "tracked": GaugeContribution(metrics.accounts_tracked),
            "warming_up": GaugeContribution(metrics.accounts_warming_up),
            "bytes": GaugeContribution(metrics.state_bytes),
            "request_ids": GaugeContribution(metrics.request_ids_tracked),
        }

    def add_tokens(self, rows: WindowRows, slots: AccountSlots) -> None:
        """Add the tokens of ``rows`` by the state of their accounts (slots, one each)."""
        states = self._state.observer.states(slots)
        for i, direction in enumerate(_DIRECTIONS):
            tokens = np.add.reduceat(rows.columns[f"{direction}_tokens"], rows.at, dtype=np.int64)
            self._tokens[i] += np.bincount(states, tokens, len(AccountState))
        self._add_egress(rows)

    def _add_egress(self, rows: WindowRows) -> None:
        """Add output tokens by country and kind of network, where either is known."""
        where = rows.columns["hosting"].astype(np.int64) << 16 | rows.columns["country"]
        known = np.flatnonzero(where)
        if len(known):
            places, row = np.unique(where[known], return_inverse=True)
            tokens = np.bincount(row, rows.columns["output_tokens"][known])
            for place, amount in zip(places.tolist(), tokens.tolist(), strict=True):
                self._egress[place] += amount

    def _publish_egress(self) -> None:
        for place, tokens in self._egress.items():
            country = country_name(place & 0xFFFF) or "unknown"
            bits = place >> 16
            kind = next(name for name, bit in KINDS.items() if bits & bit or not bit)
            self._metrics.egress_tokens_total.labels(country=country, kind=kind).inc(tokens)
        self._egress.clear()

    def add_duplicates(self, *, copies: int, reused: int) -> None:
        """Add duplicates of a call, and calls with the request id of another one."""
        self._metrics.request_ids_total.labels(result="duplicate").inc(copies)
        self._metrics.request_ids_total.labels(result="reused").inc(reused)

    def publish(self) -> None:
        """Publish the counts since the last call, and the present sizes."""
        for direction, tokens in zip(_DIRECTIONS, self._tokens, strict=True):
            for verdict, states in _STATES_OF_LABEL.items():
                self._metrics.observed_tokens_total.labels(
                    verdict=verdict, direction=direction
                ).inc(float(tokens[list(states)].sum()))
        self._tokens[:] = 0
        self._publish_egress()
        table, request_ids = self._state.table, self._state.request_ids
        self._gauges["tracked"].set(len(table))
        self._gauges["bytes"].set(self._state.nbytes)
        self._gauges["request_ids"].set(len(request_ids))
        forgotten = request_ids.forgotten
        self._metrics.request_ids_total.labels(result="forgotten").inc(forgotten - self._forgotten)
        self._forgotten = forgotten
        self._metrics.accounts_evicted_total.inc(table.evicted - self._evicted)
        self._evicted = table.evicted

    def publish_accounts(self) -> None:
        """Publish counts over all accounts: once a checkpoint, for it reads every account."""
        self._gauges["warming_up"].set(self._state.observer.warming_up)

    def release(self) -> None:
        """Withdraw this task's part of the gauges."""
        for gauge in self._gauges.values():
            gauge.withdraw()
