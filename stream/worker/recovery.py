"""Loads the state of tasks from their changelogs: rows in portions, then the checkpoint record.

Memory holds what was fetched and the state of the tasks, never a whole changelog. Tasks load in a
thread, so HTTP requests are answered and partitions may be reassigned meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from stream.core.errors import BrokerError, LostPartError, NewerVersionError, StateError
from stream.kafka.connection import client_options
from stream.kafka.ends import EndTracker
from stream.worker.changelog import CHECKPOINT, INPUT, ROW, SCHEMA
from stream.worker.record_batch import TP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from aiokafka import ConsumerRecord

    from stream.kafka.settings import KafkaSettings
    from stream.worker.ports import StateRestorer, StateRows

_FETCH_BYTES: Final = 8_388_608
#: Measured: unpacking as many records blocks the event loop for some milliseconds.
_PORTION: Final = 2_000
_POLL_MS: Final = 200


@dataclass(frozen=True, slots=True)
class Recovered:
    """The end of a changelog.

    It has ``schemas`` schemas; ``is_current``: new rows are of the last one, too. ``undo_rows``
    undo an unfinished checkpoint. ``lost``: loading ended early, for that part cannot be used.
    """

    checkpoint: bytes | None
    schemas: int
    is_current: bool
    undo_rows: StateRows
    lost: LostPartError | None = None


@dataclass
class ChangelogReader:
    """Passes one changelog to a restorer.

    ``atomic``: the changelog has finished checkpoints only (transactions), so rows are passed on at
    once. Otherwise rows are held until their checkpoint record shows that the checkpoint was
    finished.
    """

    restorer: StateRestorer
    atomic: bool
    input_id: str = ""
    checkpoint: bytes | None = None
    schemas: int = 0
    is_current: bool = False
    lost: LostPartError | None = None
    held: StateRows = field(default_factory=list)

    def read(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Read the next records of the changelog; nothing more once a part is ``lost``."""
        if self.lost is None:
            with self._losing():
                self._read(records)

    def _read(self, records: Iterable[tuple[bytes, bytes | None]]) -> None:
        for key, value in records:
            kind = key[:1]
            if kind == ROW:
                self.held.append((key[1:], value))
            elif kind == CHECKPOINT:
                self._load_held()
                self.checkpoint = value
            elif kind == INPUT:
                self._check_input((value or b"").decode(errors="replace"))
            elif kind == SCHEMA:
                if self.atomic:  # these are of the schema before
                    self._load_held()
                self.is_current = self.restorer.check(value)
                self.schemas += 1
        if self.atomic:  # a portion may end before the schema
            self._load_held()

    def finish(self) -> None:
        """Restore from the last checkpoint record: the changelog has ended."""
        if self.lost is None:
            with self._losing():
                self._finish()

    def _finish(self) -> None:
        if self.checkpoint is not None or (self.schemas and self.atomic):
            self.restorer.restore(self.checkpoint)

    @property
    def unfinished(self) -> set[bytes]:
        """Return the keys of the rows of an unfinished checkpoint."""
        return {key for key, _ in self.held}

    def _check_input(self, written: str) -> None:
        if written and self.input_id and written != self.input_id:
            raise StateError("the topic that it reads was deleted and made again since")

    @contextlib.contextmanager
    def _losing(self) -> Iterator[None]:
        try:
            yield
        except LostPartError as error:
            self.lost, self.held = error, []

    def _load_held(self) -> None:
        if not self.held:
            return
        if not self.schemas:
            self.restorer.check(None)
        rows, self.held = self.held, []
        self.restorer.load(rows)


async def recover(
    restorers: Mapping[TP, StateRestorer],
    kafka: KafkaSettings,
    *,
    inputs: Mapping[TP, str] | None = None,
) -> dict[TP, Recovered]:
    """Load several changelogs, by their partitions, from beginning to end.

    ``inputs`` has the id of the topic that each task reads, where it is to be checked.
    """
    inputs = inputs or {}
    readers = {
        tp: ChangelogReader(restorer, kafka.transactions, inputs.get(tp, ""))
        for tp, restorer in restorers.items()
    }
    with _no_garbage_collection():
        await _read(readers, kafka)
    previous = {
        tp: _PreviousValues(reader.unfinished) for tp, reader in readers.items() if reader.held
    }
    await _read({tp: ChangelogReader(found, atomic=False) for tp, found in previous.items()}, kafka)
    return {
        tp: Recovered(
            reader.checkpoint,
            reader.schemas,
            reader.is_current,
            list(previous[tp].rows.items()) if reader.held else [],
            reader.lost,
        )
        for tp, reader in readers.items()
    }


class _PreviousValues:
    """Collects the values that some keys had before an unfinished checkpoint."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self.rows: dict[bytes, bytes | None] = dict.fromkeys(keys)

    def check(self, schema: bytes | None) -> bool:
        """Do nothing: the task has checked the schema."""
        del schema
        return True

    def load(self, rows: StateRows) -> None:
        """Keep the rows of the keys."""
        self.rows |= {key: row for key, row in rows if key in self.rows}

    def restore(self, checkpoint: bytes | None) -> None:
        """Do nothing."""


async def _read(readers: Mapping[TP, ChangelogReader], kafka: KafkaSettings) -> None:
    if not readers:
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
        partitions = [TopicPartition(*tp) for tp in readers]  # equal to TP, but aiokafka insists
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        ends = EndTracker(
            consumer, await consumer.end_offsets(partitions), exact=kafka.transactions
        )
        while left := consumer.assignment() - consumer.paused():
            for tp, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
                with _explained(tp):
                    await asyncio.to_thread(readers[TP(*tp)].read, _rows(records))
                if readers[TP(*tp)].lost is not None:  # it is read again without that part
                    consumer.pause(tp)
            for tp in await ends.reached(left):
                with _explained(tp):
                    await asyncio.to_thread(readers[TP(*tp)].finish)  # nothing, if a part is lost
                consumer.pause(tp)
    except KafkaError as error:
        raise BrokerError(f"state cannot be read: {type(error).__name__} {error}") from error
    finally:
        await consumer.stop()


def _rows(records: Iterable[ConsumerRecord]) -> StateRows:
    return [(record.key or b"", record.value) for record in records]


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Stop the collector: loaded state is no garbage, and collecting takes a quarter more time."""
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
    except NewerVersionError as error:
        raise NewerVersionError(f"{tp.topic}[{tp.partition}]: {error}") from error
    except StateError as error:
        raise StateError(
            f"{tp.topic}[{tp.partition}]: {error}. Undo what changed, or start this stage without "
            f"state: "
            f"stop all workers, delete topic {tp.topic}, run `distillwatch topics create`; it then "
            "reads its input topic again as far as it goes back"
        ) from error
