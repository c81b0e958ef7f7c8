"""Reads decisions into a register and writes signed states, for commands."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from stream.decisions.audit_chain import verified
from stream.decisions.effect_book import EffectBook
from stream.decisions.register import Register
from stream.decisions.signature import AUDIT, EFFECTS, HEADER, Signer, signature_of
from stream.kafka.compacted_topics import read, write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from aiokafka import ConsumerRecord

    from stream.core.effects import FollowedDecision
    from stream.decisions.audit_chain import Verification
    from stream.decisions.settings import DecisionSettings
    from stream.decisions.transitions import Stored
    from stream.kafka.settings import KafkaSettings, TopicSettings


class DecisionsTopic:
    """The decisions topic as commands use it."""

    def __init__(
        self, kafka: KafkaSettings, topics: TopicSettings, settings: DecisionSettings
    ) -> None:
        """Prepare; raises SettingsError without a key."""
        self._kafka, self._topics, self._settings = kafka, topics, settings
        self._signer = Signer(settings.key)
        self._auditor = Signer(settings.key, AUDIT)
        self._reporters = Signer(settings.key, EFFECTS)

    def read(self) -> Register:
        """Return the latest state of every decision."""
        register = Register(self._signer, most=self._settings.max_decisions)
        self._each(self._topics.decisions, register.read)
        return register

    def followed(self) -> Iterator[FollowedDecision]:
        """Return the latest state of every decision, with what has come of it so far.

        Effects are read after decisions: a report makes a decision active, so each that is active
        comes with its report.
        """
        register = self.read()
        effects = EffectBook(self._reporters, most=self._settings.max_effects)
        self._each(self._topics.effects, effects.read)
        now = time.time()
        return (effects.followed(one.decision, now) for one in register.states)

    def audit(self) -> list[tuple[bytes, bytes]]:
        """Return value and signature of every entry of the audit topic, in order."""
        entries: list[tuple[bytes, bytes]] = []

        def take(_: bytes | None, value: bytes | None, signature: bytes | None) -> None:
            entries.append((value or b"", signature or b""))

        self._each(self._topics.audit, take)
        return entries

    def verified(self, entries: Iterable[tuple[bytes, bytes]]) -> Verification:
        """Return whether the audit is unbroken, and where not."""
        return verified(entries, self._auditor)

    def write(self, states: Iterable[Stored]) -> None:
        """Write states in this order, and wait until the brokers acknowledge them."""
        rows = [(one.decision.key.encode(), one.value) for one in states]
        write_all(
            self._kafka,
            self._topics,
            self._topics.decisions,
            rows,
            headers=lambda key, value: [(HEADER, self._signer.sign(key, value))],
        )

    def _each(
        self, topic: str, take: Callable[[bytes | None, bytes | None, bytes | None], object]
    ) -> None:
        """Pass key, value and signature of every record up to the topic's end to ``take``."""

        def take_all(records: Sequence[ConsumerRecord]) -> None:
            for record in records:
                take(record.key, record.value, signature_of(record.headers))

        read(self._kafka, self._topics, topic, take_all)
