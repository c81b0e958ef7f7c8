"""Loads the state of tasks from their logs: in portions, each log to its end, then its header.

Memory holds what was fetched and what tasks make of it, never a whole log. Tasks work in a
thread, so pages answer and partitions may come and go meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream.core.errors import BrokerError, StateError
from stream.kafka.connection import client_options
from stream.kafka.ends import Ends
from stream.worker.carrier import TP
from stream.worker.state import HEADER, INPUT, ROW, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from aiokafka import ConsumerRecord

    from stream.kafka.settings import KafkaSettings
    from stream.worker.state import Rows

_FETCH_BYTES: Final = 8_388_608
#: Unpacking so many records keeps the event loop for some milliseconds.
_PORTION: Final = 2_000
_POLL_MS: Final = 200


class Heir(Protocol):
    """What takes over the state of a predecessor."""

    def check(self, schema: bytes | None) -> None:
        """Raise StateError unless rows behind this schema can be loaded; None: there is none."""
        ...

    def load(self, rows: Rows) -> None:
        """Take over rows in the order they were written, None deletes; again for the next ones."""
        ...

    def restore(self, header: bytes) -> None:
        """Go on from the header of what has been loaded."""
        ...


@dataclass(frozen=True, slots=True)
class Recovered:
    """How a log ends; ``repair`` are the rows that take an unfinished flush back."""

    header: bytes | None
    described: bool
    repair: Rows


@dataclass
class Replay:
    """A log on its way into a task.

    Where flushes are ``atomic`` the log has whole ones only, and rows are handed on as they come.
    Otherwise they are held back until their header says that their flush was finished.
    """

    heir: Heir
    atomic: bool
    input_id: str = ""
    header: bytes | None = None
    described: bool = False
    held: Rows = field(default_factory=list)

    def take(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take in the next records of the log."""
        for key, value in records:
            kind = key[:1]
            if kind == ROW:
                self.held.append((key[1:], value))
            elif kind == HEADER:
                self._hand_on()
                self.header = value
            elif kind == INPUT:
                self._check_input((value or b"").decode())
            elif kind == SCHEMA:
                self.heir.check(value)
                self.described = True
        if self.atomic and self.held:  # a portion may end before the schema
            self._hand_on()

    def finish(self) -> None:
        """Say that this was the end of the log."""
        if self.header is not None:
            self.heir.restore(self.header)
        elif self.described and self.atomic:
            raise StateError("rows without a header: records are missing in the topic")

    @property
    def unfinished(self) -> set[bytes]:
        """Return the keys that an unfinished flush has touched."""
        return {key for key, _ in self.held}

    def _check_input(self, written: str) -> None:
        if written and self.input_id and written != self.input_id:
            raise StateError("the topic that it reads was deleted and made again since")

    def _hand_on(self) -> None:
        if not self.described:
            self.heir.check(None)
        rows, self.held = self.held, []
        self.heir.load(rows)


async def recover(
    heirs: Mapping[TP, Heir], kafka: KafkaSettings, *, inputs: Mapping[TP, str] | None = None
) -> dict[TP, Recovered]:
    """Load several logs, given by their partitions, from beginning to end.

    ``inputs`` has the ids of the topics that their tasks read, where that matters.
    """
    inputs = inputs or {}
    replays = {
        tp: Replay(heir, kafka.transactions, inputs.get(tp, "")) for tp, heir in heirs.items()
    }
    with _uncollected():
        await _read(replays, kafka)
    former = {tp: _Former(replay.unfinished) for tp, replay in replays.items() if replay.held}
    await _read({tp: Replay(heir, atomic=False) for tp, heir in former.items()}, kafka)
    return {
        tp: Recovered(
            replay.header, replay.described, list(former[tp].rows.items()) if replay.held else []
        )
        for tp, replay in replays.items()
    }


class _Former:
    """Finds what some keys had before an unfinished flush."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self.rows: dict[bytes, bytes | None] = dict.fromkeys(keys)

    def check(self, schema: bytes | None) -> None:
        """Know that the task has checked it."""

    def load(self, rows: Rows) -> None:
        """Remember the rows of the keys."""
        self.rows |= {key: row for key, row in rows if key in self.rows}

    def restore(self, header: bytes) -> None:
        """Have no use for it."""


async def _read(replays: Mapping[TP, Replay], kafka: KafkaSettings) -> None:
    if not replays:
        return
    consumer = AIOKafkaConsumer(
        **client_options(kafka),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed" if kafka.transactions else "read_uncommitted",
        max_partition_fetch_bytes=_FETCH_BYTES,
        max_poll_records=_PORTION,
    )
    try:
        await consumer.start()
        partitions = [TopicPartition(*tp) for tp in replays]  # equal to TP, but aiokafka insists
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = Ends(consumer, await consumer.end_offsets(partitions), exact=kafka.transactions)
        while left := consumer.assignment() - consumer.paused():
            for tp, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
                with _explained(tp):
                    await asyncio.to_thread(replays[TP(*tp)].take, _rows(records))
            for tp in await ends.reached(left):
                with _explained(tp):
                    await asyncio.to_thread(replays[TP(*tp)].finish)
                consumer.pause(tp)
    except KafkaError as error:
        raise BrokerError(f"state cannot be read: {type(error).__name__} {error}") from error
    finally:
        await consumer.stop()


def _rows(records: Iterable[ConsumerRecord]) -> Rows:
    return [(record.key or b"", record.value) for record in records]


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage: what is loaded comes to stay, and looking takes a quarter more time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextlib.contextmanager
def _explained(tp: TopicPartition) -> Iterator[None]:
    try:
        yield
    except StateError as error:
        raise StateError(
            f"{tp.topic}[{tp.partition}]: {error}. Run what wrote it, or start this stage afresh: "
            f"stop all workers, delete topic {tp.topic}, run `distillwatch topics create`; it then "
            "reads again what its input topic still holds"
        ) from error
