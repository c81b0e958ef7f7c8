"""Finds the rows of state that name an account, for a command; it changes nothing.

Rows of accounts have their id at the end of their key; incidents, clusters, verdicts and
suppressions have ids of accounts within them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec

from stream.kafka.connection import keep_trying
from stream.kafka.topics import STATE_TOPICS, check, state_topic_of, wanted
from stream.worker.record_batch import TP
from stream.worker.recovery import recover

if TYPE_CHECKING:
    from stream.kafka.settings import KafkaSettings, TopicSettings
    from stream.worker.ports import StateRows

#: Bytes before the id in the keys of rows: which part of the state, and of links the chunk.
_BEFORE: Final = (1, 2, 3)


def names(key: bytes, row: bytes, account: str) -> bool:
    """Return whether a stored row names an account."""
    name = account.encode()
    if any(key[before:] == name for before in _BEFORE):
        return True
    if name not in row:
        return False
    try:
        return account in _texts(msgspec.msgpack.decode(row))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False  # columns of numbers


def _texts(part: Any) -> set[str]:  # noqa: ANN401 - decoded without a type
    if isinstance(part, str):
        return {part}
    if isinstance(part, dict):
        part = part.values()
    elif not isinstance(part, list):
        return set()
    return set().union(*map(_texts, part))


class AccountSearch:
    """Takes a changelog as a task does (``StateRestorer``), and keeps keys of rows alone."""

    def __init__(self, account: str) -> None:
        """Start with none found."""
        self._account = account
        self.found: set[bytes] = set()

    def check(self, schema: bytes | None) -> bool:
        """Accept rows of any version: ids are where they are in all of them."""
        del schema
        return True

    def load(self, rows: StateRows) -> None:
        """Take rows in the order they were written; None deletes."""
        for key, row in rows:
            if row is not None and names(key, row, self._account):
                self.found.add(key)
            else:
                self.found.discard(key)

    def restore(self, checkpoint: bytes | None) -> None:
        """Do nothing: there is no task."""


def state_rows(kafka: KafkaSettings, topics: TopicSettings, account: str) -> dict[str, int]:
    """Return the number of rows that name an account, by state topic."""
    keep_trying(kafka, lambda admin: check(admin, topics))
    partitions = {topic.name: topic.partitions for topic in wanted(topics)}
    found = {
        TP(topic, number): AccountSearch(account)
        for topic in (state_topic_of(topics, role) for role in STATE_TOPICS)
        for number in range(partitions[topic])
    }
    asyncio.run(recover(found, kafka))
    count = dict.fromkeys((tp.topic for tp in found), 0)
    for tp, search in found.items():
        count[tp.topic] += len(search.found)
    return count
