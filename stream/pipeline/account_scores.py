"""The account detector within the alerting task: its durable rows, gauges and input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.accounts.detection.detector import Detector
from stream.accounts.detection.observations import Observations
from stream.store.account_table import AccountTable
from stream.store.durable import DurableTable
from stream.telemetry.contribution import GaugeContribution

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from stream.accounts.detection.settings import DetectionSettings
    from stream.accounts.metrics import AccountsMetrics
    from stream.core.findings import AccountFinding, AccountObservation
    from stream.core.packets import Confirmed
    from stream.core.thresholds import ScoreThresholds
    from stream.store.durable import Durable, StateRows

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
        features = {"features": self._detector.layout["features"]}
        self._accounts = DurableTable(_ACCOUNT, self._table, features)
        self._model = _StoredModel(self._detector)
        metrics.model_info.info({"version": self._detector.model_version})

    @property
    def durable(self) -> Mapping[str, Durable]:
        """Return everything with durable rows, by name."""
        return {"account_scores": self._accounts, "population_model": self._model}

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
        self._suppressed.withdraw()
        self._bytes.withdraw()

    def recovered(self) -> None:
        """Continue after everything durable is loaded."""
        self._table.trim(self._detector.eviction_priority)

    def show(self) -> None:
        """Set the gauges."""
        self._suppressed.set(self._detector.suppressed)
        self._bytes.set(self._table.columns.nbytes)


class _StoredModel:
    """What the detector has learnt from all accounts, as rows."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._written: dict[str, bytes] = {}
        self.layout: Final[Mapping[str, str]] = detector.layout

    def take_changes(self) -> StateRows:
        """Return the rows changed since the last call; None deletes."""
        models = {
            name: blob
            for name, blob in self._detector.state().items()
            if self._written.get(name) != blob
        }
        self._written |= models
        return [(_MODEL + name.encode(), blob) for name, blob in models.items()]

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Load stored rows in the order they were written; then :meth:`loaded`."""
        self._written |= {
            key[1:].decode(): row for key, row in rows if key[:1] == _MODEL and row is not None
        }

    def loaded(self) -> None:
        """Continue with the stored models; raises StateError when they do not fit."""
        self._detector.restore(self._written)
