"""The detector under measure: the product's own pipeline over lines, and its alarms."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from quality.alarms import Alarm
from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.chain import Chain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.core.alerts import Alert
    from stream.intake.codec.event import RequestEvent
    from stream.intake.directory.directory import AccountDirectory
    from stream.pipeline.settings import StageSettings


class Product:
    """Runs lines through the pipeline and keeps its alerts."""

    name = "distillwatch"

    def __init__(
        self,
        settings: StageSettings,
        watch: Callable[[Sequence[RequestEvent]], None],
        directory: AccountDirectory | None = None,
    ) -> None:
        """``watch`` is called with the decoded events; ``directory`` fills their absent fields."""
        #: Replaced when a campaign begins: scores are kept apart by who attacks.
        self.watch_scores: Callable[[float, Sequence[str], float], None] | None = None
        self._chain = Chain(
            settings,
            source="bench",
            metrics=Metrics(strict=False),
            directory=directory,
            watch=watch,
            watch_scores=self._on_score,
        )
        self._offset = 0
        self._alarms: list[Alarm] = []

    def feed(self, lines: Sequence[bytes], now_s: float) -> None:
        """Run consecutive lines through."""
        records = [Record(self._offset + i, None, line) for i, line in enumerate(lines)]
        self._offset += len(records)
        self._keep(self._chain.process(records, now_s=now_s))

    def finish(self) -> None:
        """Close what is open."""
        self._keep(self._chain.finish())
        if self._chain.dead_letters:
            raise AssertionError(f"the traffic is not valid: {dict(self._chain.dead_letters)}")

    def alarms(self) -> list[Alarm]:
        """Return all alarms so far; resolving an incident accuses no account."""
        return self._alarms

    def _keep(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            if alert.status != "firing":
                continue
            time = datetime.fromisoformat(alert.updated_at).timestamp()
            members = alert.account_ids or [alert.account_id or ""]
            self._alarms.append(Alarm(time, alert.alert_id, alert.kind, members))

    def _on_score(self, time: float, accounts: Sequence[str], score: float) -> None:
        if self.watch_scores is not None:
            self.watch_scores(time, accounts, score)
