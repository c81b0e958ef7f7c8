"""What the topics for people and receivers have of an account, and removing it, for a command."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from stream.core.alerts import alert_in, without_accounts
from stream.kafka.compacted_topics import read, suppressions, write_all

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import ConsumerRecord

    from stream.core.alerts import Alert
    from stream.core.feedback import ForgetRequest
    from stream.kafka.settings import KafkaSettings, TopicSettings


@dataclass(slots=True)
class AlertsOfAccount:
    """How many records name an account, when the last was written, and which states are latest."""

    records: int = 0
    written_s: float = 0.0  # epoch seconds
    latest: dict[str, Alert] = field(default_factory=dict)


class AccountRecords:
    """The records about one account."""

    def __init__(self, kafka: KafkaSettings, topics: TopicSettings, account: str) -> None:
        """Read and write with these settings."""
        self._kafka, self._topics, self._account = kafka, topics, account

    def in_directory(self) -> bool:
        """Return whether the account directory has an entry."""
        key, entries = self._account.encode(), [False]

        def take(records: Sequence[ConsumerRecord]) -> None:
            entries.extend(bool(one.value) for one in records if one.key == key)

        read(self._kafka, self._topics, self._topics.accounts, take)
        return entries[-1]

    def suppressions(self) -> list[str]:
        """Return the ids of the suppressions of this account alone, ended ones included."""
        found = suppressions(self._kafka, self._topics).values()
        return [one.key for one in found if (one.by, one.match) == ("account", self._account)]

    def alerts(self) -> AlertsOfAccount:
        """Return what the alerts topic has."""
        found = AlertsOfAccount()

        def take(records: Sequence[ConsumerRecord]) -> None:
            for record in records:
                alert = alert_in(record.value)
                if alert is None:
                    continue
                found.latest.pop(alert.alert_id, None)
                if self._account in _accounts(alert):
                    found.records += 1
                    found.written_s = max(found.written_s, record.timestamp / 1000)
                    found.latest[alert.alert_id] = alert

        read(self._kafka, self._topics, self._topics.alerts, take)
        return found

    def remove_from_directory(self) -> None:
        """Remove the entry of the account directory."""
        self._write(self._topics.accounts, {self._account.encode(): None})

    def remove_suppressions(self, ids: Sequence[str]) -> None:
        """Remove suppressions from their topic; workers end them with the request to forget."""
        self._write(self._topics.suppressions, dict.fromkeys(one.encode() for one in ids))

    def request(self, wanted: ForgetRequest) -> None:
        """Write the request for workers."""
        self._write(self._topics.suppressions, {self._key: msgspec.json.encode(wanted)})

    def remove_request(self) -> None:
        """Remove the request, which names the account."""
        self._write(self._topics.suppressions, {self._key: None})

    def rewrite(self, alerts: Sequence[Alert]) -> None:
        """Write the last states of incidents without the account."""
        self._write(
            self._topics.alerts,
            {
                alert.alert_id.encode(): msgspec.json.encode(
                    without_accounts(alert, {self._account})
                )
                for alert in alerts
            },
        )

    @property
    def _key(self) -> bytes:
        """Return the key of the request, the same each time; it does not name the account."""
        return (
            b"forget_"
            + hashlib.blake2b(self._account.encode(), digest_size=10).hexdigest().encode()
        )

    def _write(self, topic: str, rows: dict[bytes, bytes | None]) -> None:
        if rows:
            write_all(self._kafka, self._topics, topic, rows.items())


def _accounts(alert: Alert) -> list[str | None]:
    return [alert.account_id, *(alert.account_ids or ()), *alert.peripheral_ids]
