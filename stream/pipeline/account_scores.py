"""The account detector within the alerting task: its durable rows, gauges and input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.accounts.detection.detector import Detector
from stream.accounts.detection.observations import Observations
from stream.store.account_table import AccountTable
from stream.telemetry.contribution import GaugeContribution

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from stream.accounts.detection.settings import DetectionSettings
    from stream.accounts.metrics import AccountsMetrics
    from stream.core.findings import AccountFinding, AccountObservation
    from stream.core.packets import Confirmed
    from stream.core.thresholds import ScoreThresholds
    from stream.pipeline.task import StateRows

_ACCOUNT: Final = b"o"  # of the rows of the alerting task
_MODEL: Final = b"m"


class AccountScores:
    """One detector for the accounts of all tasks."""

    def __init__(
        self,
        settings: DetectionSettings,
        *,
        max_accounts: int,
        thresholds: ScoreThresholds,
        metrics: AccountsMetrics,
    ) -> None:
        """Start with nothing learnt; remember ``max_accounts``."""
        self._table = AccountTable(Detector.FIELDS, max_accounts=max_accounts)
        self._detector = Detector(settings, self._table, thresholds=thresholds, metrics=metrics)
        self._suppressed = GaugeContribution(metrics.accounts_suppressed_by_drift)
        self._bytes = GaugeContribution(metrics.state_bytes)
        self._written: dict[str, bytes] = {}
        metrics.model_info.info({"version": self._detector.model_version})

    @property
    def layout(self) -> Mapping[str, str]:
        """Return everything that must agree for stored rows to mean the same."""
        own = {f"{name} of the detector": part for name, part in self._table.layout.items()}
        return {**own, **self._detector.layout}

    def detect(self, time: float, packed: Sequence[AccountObservation]) -> list[AccountFinding]:
        """Score what was observed in the window that ends at ``time``; return what it found."""
        return self._detector.detect(time, Observations.unpack(packed))

    def take_changed_states(self) -> dict[str, int]:
        """Return account -> state of those whose state changed since the last call."""
        return self._detector.take_changed_states()

    def exclude(self, confirmed: Sequence[Confirmed]) -> None:
        """Learn nothing from accounts that a person has confirmed."""
        for one in confirmed:
            self._detector.learning.exclusion.exclude(one.accounts, until=one.until)

    def forget(self, accounts: Collection[str]) -> None:
        """Forget accounts; what the population learnt from all of them stays."""
        self._table.drop(accounts, with_rows=True)

    def release(self) -> None:
        """Withdraw this task's part of the gauges."""
        self._suppressed.set(0)
        self._bytes.set(0)

    def take_changes(self) -> StateRows:
        """Return the rows changed since the last call; None deletes."""
        self._suppressed.set(self._detector.suppressed)
        self._bytes.set(self._table.columns.nbytes)
        changed, gone = self._table.take_changes()
        models = {
            name: blob
            for name, blob in self._detector.state().items()
            if self._written.get(name) != blob
        }
        self._written |= models
        return [
            *((_ACCOUNT + name.encode(), row) for name, row in changed),
            *((_ACCOUNT + name.encode(), None) for name in gone),
            *((_MODEL + name.encode(), blob) for name, blob in models.items()),
        ]

    def load(self, rows: StateRows) -> None:
        """Load stored rows in the order they were written; None deletes."""
        latest = {key: row for key, row in rows if key[:1] == _ACCOUNT}
        there = {key[1:].decode(): row for key, row in latest.items() if row is not None}
        self._table.load([*there], [*there.values()])
        self._table.drop(key[1:].decode() for key, row in latest.items() if row is None)
        self._written |= {
            key[1:].decode(): row for key, row in rows if key[:1] == _MODEL and row is not None
        }

    def loaded(self) -> None:
        """Finish loading: there are no more rows."""
        self._detector.restore(self._written)
        self._table.trim(self._detector.eviction_priority)
