"""The whole pipeline in one process, as replay, tests and benchmarks run it.

The worker runs the same stages over Kafka topics instead of lists. Tasks depend on event time
alone, so both raise the same alerts for the same events::

    records ─▶ Intake ─▶ accounts tasks ─┬▶ links tasks ────┬▶ alerting ─▶ alerts
                                         └───────────────────┘
"""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from stream.alerting.score_watch import ScoreWatch, unwatched
from stream.core.alerts import Alert
from stream.core.packets import IdleClaim
from stream.intake.fingerprint.networks import NetworkLookup, no_databases
from stream.pipeline.build import accounts_task, alerting_task, intake, links_task
from stream.pipeline.reader import Watch, ignore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stream.core.records import Emission, Record
    from stream.intake.directory.directory import AccountDirectory
    from stream.intake.sharing.indicator_table import IndicatorTable
    from stream.pipeline.metrics import PipelineMetrics
    from stream.pipeline.settings import StageSettings
    from stream.pipeline.task import PartitionTask

_decode_alert = msgspec.json.Decoder(Alert).decode


class Chain:
    """Intake and every task, no broker."""

    def __init__(  # noqa: PLR0913 - as the composition root's
        self,
        settings: StageSettings,
        *,
        source: str,
        metrics: PipelineMetrics,
        watch: Watch = ignore,
        watch_scores: ScoreWatch = unwatched,
        partitions: int = 1,
        directory: AccountDirectory | None = None,
        networks: Callable[[], NetworkLookup] = no_databases,
        indicators: IndicatorTable | None = None,
    ) -> None:
        """``source`` names the input in dead letters; ``watch`` gets the decoded events.

        ``watch_scores`` gets every score of accounts and clusters. Each of the ``partitions`` has a
        clock of its own. ``directory`` fills missing fields of events (None: empty), ``networks``
        looks addresses up, and events are matched with ``indicators`` of others (None: none).
        """
        self._intake = intake(
            settings,
            topic=source,
            metrics=metrics,
            directory=directory,
            networks=networks,
            indicators=indicators,
            watch=watch,
        )
        self._intake.on_topic_changed(partitions, topic_id="")
        accounts = settings.accounts_tasks
        self._tasks: dict[str, Sequence[PartitionTask[Any]]] = {
            "events": [accounts_task(settings, task, metrics) for task in range(accounts)],
            "links": [links_task(settings, task, metrics) for task in range(settings.tasks)],
            "findings": [alerting_task(settings, metrics, watch_scores)],
        }
        self._offsets = count()
        self._ended: set[int] = set()
        self.dead_letters: Counter[str] = Counter()
        #: The latest record of each day of the ledger; None: deleted.
        self.ledger: dict[bytes, bytes | None] = {}
        #: What may be shared, by key, as the worker's topic has it.
        self.shareable: dict[bytes, bytes] = {}
        self._alerts: list[Alert] = []

    def process(
        self, records: Sequence[Record], *, now_s: float, partition: int = 0
    ) -> list[Alert]:
        """Process consecutive records of a partition; return the alerts they complete."""
        self._run(self._intake.process(partition, records, now_s=now_s))
        self._claim_idle()
        return self._take()

    def end(self, partition: int) -> list[Alert]:
        """End a partition: it does not delay the watermark; return the alerts this completes."""
        self._ended.add(partition)
        self._claim_idle()
        return self._take()

    def finish(self) -> list[Alert]:
        """Close the open windows at the end of the input; return the alerts this completes."""
        for role in ("events", "links", "findings"):
            for task in self._tasks[role]:
                self._run(task.finish())
        return self._take()

    def _claim_idle(self) -> None:
        # A claim holds only for its moment: repeat it whenever the others have moved on.
        for confirmed in (False, True):
            claim = IdleClaim(offset=0, reader=0, confirmed=confirmed)  # the same for ever
            for partition in self._ended:
                self._run(self._intake.idle(partition, claim, elapsed_s=0.0))

    def _run(self, emissions: Iterable[Emission]) -> None:
        for emission in emissions:
            if emission.role == "alerts":
                self._alerts.append(_decode_alert(emission.value))
            elif emission.role == "ledger":
                deleted = emission.deletes
                self.ledger[emission.key or b""] = None if deleted else emission.value
            elif emission.role == "deadletter":
                self.dead_letters[dict(emission.headers)["reason"].decode()] += 1
            elif emission.role == "shareable":
                self.shareable[emission.key or b""] = emission.value
            else:
                task = self._tasks[emission.role][emission.partition or 0]
                self._run(task.feed(next(self._offsets), emission.value))

    def _take(self) -> list[Alert]:
        alerts, self._alerts = self._alerts, []
        return alerts
