"""The one writer of proposals, ends and the audit: one worker of the group leads at a time.

Leading is owning the only partition of the decisions topic. A leader reads the topic whole, then
follows alerts, verdicts, decisions and effects. It keeps no offsets: whatever it reads again gives
decisions that the register knows already, and entries that the audit has.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer

from stream.decisions.bookkeeping import Bookkeeping
from stream.decisions.signature import AUDIT, EFFECTS, Signer
from stream.delivery.topic_reader import METADATA_AGE_MS, TopicReader, close_consumer, wait
from stream.enforcement.audit_tail import audit_tail
from stream.enforcement.daily_traffic import DailyTraffic
from stream.enforcement.decision_gauges import DecisionGauges
from stream.enforcement.decision_writer import DecisionWriter
from stream.enforcement.random_canary import random_canary
from stream.enforcement.term import Term, TermEdges

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stream.decisions.settings import DecisionSettings
    from stream.delivery.metrics import DeliveryMetrics
    from stream.enforcement.metrics import DecisionMetrics
    from stream.kafka.settings import TopicSettings

NAME: Final = "decisions"
_POLL_S: Final = 0.5
_STOP_GRACE_S: Final = 2.0
_NO_POLL_LIMIT_MS: Final = 2**31 - 1


class DecisionKeeper(TopicReader):
    """``start`` and ``stop`` it beside the worker."""

    def __init__(
        self,
        settings: DecisionSettings,
        *,
        topics: TopicSettings,
        app: str,
        connection: Mapping[str, Any],
        transactions: bool,
        metrics: DeliveryMetrics,
        decision_metrics: DecisionMetrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare; ``connection`` goes to aiokafka. Raises SettingsError without a key."""
        super().__init__(NAME, topics.decisions, metrics, stop_grace_s=_STOP_GRACE_S)
        self._settings = settings
        self._topics = topics
        self._app = app
        self._connection = {**connection, "client_id": f"{app}-decisions"}
        self._transactions = transactions
        self._signer = Signer(settings.key)
        self._auditor = Signer(settings.key, AUDIT)
        self._reporters = Signer(settings.key, EFFECTS)
        self._gauges = DecisionGauges(decision_metrics)
        self._clock = clock

    async def _consume(self) -> None:
        member = AIOKafkaConsumer(
            self._topic,
            **self._connection,
            group_id=f"{self._app}-decisions",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_interval_ms=_NO_POLL_LIMIT_MS,
            metadata_max_age_ms=METADATA_AGE_MS,
        )

        def leads() -> bool:
            return bool(member.assignment()) and not self._stopping.is_set()

        try:
            await member.start()
            while not self._stopping.is_set():
                self._failures = 0
                if leads():
                    await self._lead(leads)
                else:
                    await wait(self._stopping, _POLL_S)
        finally:
            await close_consumer(member)

    async def _lead(self, leads: Callable[[], bool]) -> None:
        decisions = DecisionWriter(
            self._connection, topic=self._topics.decisions, signer=self._signer
        )
        audit = DecisionWriter(
            self._connection,
            topic=self._topics.audit,
            signer=self._auditor,
            transactional_id=f"{self._app}-decisions-audit" if self._transactions else None,
        )
        consumer = AIOKafkaConsumer(
            self._topics.decisions,
            self._topics.alerts,
            self._topics.verdicts,
            self._topics.effects,
            **self._connection,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        try:
            await audit.fence()
            tail = await audit_tail(
                self._topics.audit, self._auditor, self._connection, exact=self._transactions
            )
            await consumer.start()
            await Term(
                Bookkeeping(
                    self._settings,
                    self._signer,
                    tail,
                    reporters=self._reporters,
                    new_canary=random_canary,
                ),
                TermEdges(
                    consumer=consumer,
                    decisions=decisions,
                    audit=audit,
                    traffic=DailyTraffic(self._connection, self._topics.requests),
                    gauges=self._gauges,
                    clock=self._clock,
                ),
                topics=self._topics,
                recent_s=self._settings.proposal_s,
                exact=self._transactions,
            ).run(leads)
        finally:
            self._gauges.clear()
            await close_consumer(consumer)
            await decisions.close()
            await audit.close()

    async def _forget(self) -> None:
        self._gauges.clear()

    async def _close(self) -> None:
        """Every connection is closed where it was opened."""
