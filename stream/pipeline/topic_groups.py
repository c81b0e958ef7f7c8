"""The topic cell within the alerting task: its durable rows and its input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.accounts.topics.residents import TopicResidents
from stream.store.account_table import AccountTable
from stream.store.durable import DurableTable
from stream.telemetry.contribution import GaugeContribution

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from stream.accounts.metrics import AccountsMetrics
    from stream.core.findings import Group, LightPrompt
    from stream.store.durable import StateRows

_ACCOUNT: Final = b"p"  # of the rows of the alerting task
_TOPIC: Final = b"t"


class TopicGroups:
    """One topic cell for the light accounts of all tasks."""

    def __init__(self, *, max_accounts: int, metrics: AccountsMetrics) -> None:
        """Start with no past; remember ``max_accounts``."""
        self._table = AccountTable(TopicResidents.FIELDS, max_accounts=max_accounts)
        self._residents = TopicResidents(self._table)
        self._accounts = DurableTable(_ACCOUNT, self._table, {})
        self._bytes = GaugeContribution(metrics.state_bytes)

    def step(self, time: float, prompts: Sequence[LightPrompt]) -> list[Group]:
        """Return the groups of accounts that live in a topic that surges; see TopicResidents."""
        return self._residents.step(time, prompts)

    def forget(self, accounts: Collection[str]) -> None:
        """Forget accounts; the topics that their prompts had a part in stay."""
        self._table.drop(accounts, with_rows=True)

    def release(self) -> None:
        """Withdraw this task's part of the gauges."""
        self._bytes.withdraw()

    @property
    def layout(self) -> Mapping[str, str]:
        """Return everything that must agree for stored rows to mean the same."""
        return {**self._accounts.layout, **self._residents.surge.layout}

    def take_changes(self) -> StateRows:
        """Return the rows changed since the last call; None deletes."""
        self._bytes.set(self._table.columns.nbytes + self._residents.surge.nbytes)
        topics = self._residents.surge.take_changes()
        return [*self._accounts.take_changes(), *((_TOPIC + key, row) for key, row in topics)]

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Load stored rows in the order they were written; None deletes."""
        latest = dict(rows)
        self._accounts.load(latest.items())
        self._residents.surge.load(
            (k[1:], row) for k, row in latest.items() if k[:1] == _TOPIC and row is not None
        )

    def loaded(self) -> None:
        """Finish loading: there are no more rows."""
        self._table.trim(self._residents.eviction_priority)
