"""Verifies and decodes drill records, and keeps them apart from ordinary traffic.

They are canonical events, whatever ``intake.format`` is. They count nowhere: not as events, not in
the share of invalid records, not in the statistics about formats. A record with a wrong signature
is a dead letter, not traffic: most likely a drill ran without the workers' salt, and as traffic it
would teach the models and page people.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stream.core.drill import is_drill, named, shown
from stream.core.errors import DecodeError
from stream.intake.codec.canonical import Canonical
from stream.intake.codec.decoded import Reject
from stream.intake.codec.event import RequestEvent, admit
from stream.intake.codec.reasons import FAILURES, explain
from stream.intake.fingerprint.drill_signature import DrillSigner

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.records import Record
    from stream.intake.codec.settings import IntakeSettings


@dataclass(slots=True)
class DecodedDrill:
    """Events and rejects of drill records; ``offsets`` has the record's offset for each event."""

    events: list[RequestEvent] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


class DrillDecoder:
    """Decodes the records of drills."""

    def __init__(self, settings: IntakeSettings) -> None:
        """Use salt and limits of the settings."""
        self._settings = settings
        salts = [salt for salt in (settings.salt, settings.salt_previous) if salt]
        self._signers = [DrillSigner(salt.reveal().encode()) for salt in salts or [settings.salt]]
        self._canonical = Canonical()

    def decode(self, records: Sequence[Record], *, now_s: float) -> DecodedDrill:
        """Return events and rejects; never raises because of a record's content."""
        found = DecodedDrill()
        for record in records:
            try:
                event = self._event(record, now_s)
            except FAILURES as error:
                failure = explain(error)
                found.rejects.append(Reject(record, failure.reason, failure.detail))
            else:
                found.events.append(event)
                found.offsets.append(record.offset)
        return found

    def _event(self, record: Record, now_s: float) -> RequestEvent:
        if len(record.value) > self._settings.max_record_bytes:
            raise DecodeError("too_large", f"{len(record.value)} bytes")
        signature = record.drill_signature or b""
        if not any(signer.verify(record.value, signature) for signer in self._signers):
            raise DecodeError("bad_signature", "not signed with this salt")
        event = self._canonical.one(record.value)
        if not is_drill(event.account_id):
            raise DecodeError("bad_signature", "the account is not a drill account")
        event.account_id = shown(event.account_id)
        latest = now_s + self._settings.max_future_s
        admit(event, self._settings.oldest_timestamp, latest, Counter())
        event.account_id = named(event.account_id)
        return event
