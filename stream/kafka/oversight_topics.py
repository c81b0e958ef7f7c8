"""Reads alerts, verdicts, decisions, effects and the ledger for the oversight report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.decisions.signature import EFFECTS, Signer, signature_of
from stream.kafka.compacted_topics import read
from stream.oversight.action_book import ActionBook
from stream.oversight.incident_states import IncidentBook
from stream.oversight.ledger_book import LedgerBook
from stream.oversight.record import TopicRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiokafka import ConsumerRecord

    from stream.decisions.settings import DecisionSettings
    from stream.kafka.settings import KafkaSettings, TopicSettings
    from stream.oversight.record import ReportPeriod

_LATEST_S: Final = 1e11


def report_books(
    kafka: KafkaSettings,
    topics: TopicSettings,
    settings: DecisionSettings,
    period: ReportPeriod,
    progress: Callable[[str, int], None],
) -> tuple[IncidentBook, ActionBook, LedgerBook]:
    """Return what a report is made of; ``progress`` gets a topic and how many records were read.

    Without ``decisions.key`` decisions and effects are not read. Raises TopicError, BrokerError,
    SettingsError, and UsageError where the period has too many incidents.
    """

    def each(topic: str, take: Callable[[TopicRecord], None]) -> None:
        def take_all(records: Sequence[ConsumerRecord]) -> None:
            for record in records:
                take(_record(record))
            progress(topic, len(records))

        read(kafka, topics, topic, take_all)

    signed = bool(settings.key)
    actions = ActionBook(
        Signer(settings.key) if signed else None,
        Signer(settings.key, EFFECTS) if signed else None,
        most_decisions=settings.max_decisions,
        most_effects=settings.max_effects,
    )
    if signed:
        each(topics.decisions, actions.take_decision)
        each(topics.effects, actions.take_effect)
    each(topics.verdicts, actions.take_verdict)
    # Last: which states of an incident are kept depends on when it was acted on.
    incidents = IncidentBook(period, actions.acted_at())
    each(topics.alerts, incidents.take)
    ledger = LedgerBook(period)
    each(topics.ledger, ledger.take)
    return incidents, actions, ledger


def _record(record: ConsumerRecord) -> TopicRecord:
    return TopicRecord(
        # Writers choose the time; it is bounded as the times of decisions are.
        written_at=min(max(record.timestamp, 0) / 1000, _LATEST_S),
        key=record.key,
        value=record.value,
        signature=signature_of(record.headers),
    )
