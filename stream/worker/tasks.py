"""The tasks that this worker owns, each with its durable state; what a task computes is its own.

A task belongs to one partition of an internal topic. It is made when the partition is assigned,
loaded from its state topic, and dropped when the partition has gone to another worker.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from stream.kafka.topics import STATE_TOPICS, state_topic_of, topic_of
from stream.worker.carrier import TP
from stream.worker.recovery import Heir, recover
from stream.worker.state import FencedError, Rows, StateLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from stream.core.records import Emission, Record
    from stream.kafka.settings import KafkaSettings, TopicSettings
    from stream.worker.inputs import Inputs
    from stream.worker.metrics import WorkerMetrics
    from stream.worker.recovery import Recovered

log = logging.getLogger(__name__)

#: The stage that reads the topic of a role: a label of metrics.
STAGE_OF = {role: name.removesuffix("-state") for role, name in STATE_TOPICS.items()}


class Task(Heir, Protocol):
    """One partition of one stage; single-threaded, no input or output, no clock."""

    @property
    def resume_offset(self) -> int | None:
        """Return the offset to read from after a recovery; None: the beginning."""
        ...

    def feed(self, offset: int, value: bytes) -> list[Emission]:
        """Take in one internal record; return what is to be sent."""
        ...

    def take_changes(self) -> Rows:
        """Return the state rows changed since the last call; None deletes the key."""
        ...

    def checkpoint_record(self) -> bytes:
        """Return the record that completes a checkpoint."""
        ...

    def schema(self) -> bytes:
        """Return the row that says how the others are to be read."""
        ...

    def release(self) -> None:
        """Give back the task's part of common gauges."""
        ...


class Reader(Protocol):
    """What reads a topic of others and keeps nothing that has to be durable."""

    def process(self, partition: int, records: Sequence[Record], *, now_s: float) -> list[Emission]:
        """Return the emissions of consecutive records of one partition."""
        ...


class Source(Reader, Protocol):
    """The first stage: source records in, emissions out."""

    def on_topic_changed(self, partitions: int, topic_id: str) -> None:
        """Set the current number of partitions of the source topic, and its id."""
        ...

    def idle(self, partition: int, *, elapsed_s: float) -> list[Emission]:
        """Say that ``partition`` has been read to its end and silent for ``elapsed_s``."""
        ...

    def forget(self, partition: int) -> None:
        """Drop what is kept of a partition that has moved to another worker."""
        ...


@dataclass(frozen=True, slots=True)
class Stages:
    """What the worker runs; ``task`` makes the task of a role (see Role) and partition.

    ``people`` read the topics with what people say, by their names.
    """

    source: Source
    task: Callable[[str, int], Task]
    people: Mapping[str, Reader] = field(default_factory=dict)

    def reader(self, topic: str) -> Reader:
        """Return what reads a topic that no task does."""
        return self.people.get(topic, self.source)


@dataclass(slots=True)
class OwnedTask:
    """A task and where its state goes.

    ``input_id`` tells the topic that it reads from others of the same name. ``written`` is the last
    header in the log, ``described`` says that the log has a schema, ``fenced`` that another worker
    owns it by now.
    """

    stage: str
    task: Task
    state: StateLog
    input_id: str
    written: bytes | None = None
    described: bool = False
    fenced: bool = False

    def snapshot(self) -> tuple[Rows, bytes] | None:
        """Return what a flush has to write, or None when nothing has changed."""
        rows, header = self.task.take_changes(), self.task.checkpoint_record()
        return None if not rows and header == self.written else (rows, header)

    async def write(self, rows: Rows, header: bytes) -> None:
        """Write one flush; a task that has a new owner is only marked."""
        try:
            begin = None if self.described else (self.input_id, self.task.schema())
            await self.state.write(rows, header, begin=begin)
        except FencedError as error:
            self.fenced = True
            log.warning("%s", error)
        else:
            self.written, self.described = header, True

    async def go_on(self, found: Recovered) -> None:
        """Go on with a log that was read; take back a flush that was not finished."""
        self.written, self.described = found.header, found.described
        if found.repair:
            log.warning(
                "%s[%d]: an unfinished flush of %d rows is taken back",
                self.state.tp.topic,
                self.state.tp.partition,
                len(found.repair),
            )
            await self.state.write(found.repair, found.header)


@dataclass
class OwnedTasks:
    """The tasks by the partition that they read."""

    stages: Stages
    kafka: KafkaSettings
    topics: TopicSettings
    metrics: WorkerMetrics
    _owned: dict[TP, OwnedTask] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Know the topics that tasks read."""
        self._roles = {topic_of(self.topics, role): role for role in STATE_TOPICS}

    def __getitem__(self, tp: TP) -> OwnedTask:
        """Return the task of a partition that is ours."""
        return self._owned[tp]

    def __iter__(self) -> Iterator[tuple[TP, OwnedTask]]:
        """Yield every task with its partition."""
        return iter(list(self._owned.items()))

    def reads(self, tp: TP) -> bool:
        """Say whether the partition belongs to a task (and not to the source)."""
        return tp.topic in self._roles

    def state_topic(self, tp: TP) -> str:
        """Return the topic with the state of the task that reads a partition."""
        return state_topic_of(self.topics, self._roles[tp.topic])

    async def keep(self, tps: Iterable[TP]) -> None:
        """Drop every task but those of ``tps``."""
        gone = [self._owned.pop(tp) for tp in self._owned.keys() - set(tps)]
        for task in gone:
            task.task.release()
        await asyncio.gather(*(task.state.stop() for task in gone))

    async def open(self, tps: Iterable[TP], inputs: Inputs) -> None:
        """Make and load the tasks of ``tps`` that are not here yet."""
        started = time.monotonic()
        new = {tp: self._make(tp, inputs) for tp in tps if self.reads(tp) and tp not in self._owned}
        try:
            await self._load(new)
        except BaseException:
            await asyncio.gather(*(task.state.stop() for task in new.values()))
            raise
        self._owned |= new  # a flush meanwhile has not seen them half loaded
        for task in new.values():
            self.metrics.recovery_seconds.labels(stage=task.stage).observe(
                time.monotonic() - started
            )

    async def _load(self, new: Mapping[TP, OwnedTask]) -> None:
        """First fence, then read: nothing can be written behind what is read."""
        await asyncio.gather(*(task.state.start() for task in new.values()))
        found = await recover(
            {task.state.tp: task.task for task in new.values()},
            self.kafka,
            inputs={task.state.tp: task.input_id for task in new.values()},
        )
        for task in new.values():
            await task.go_on(found[task.state.tp])

    def _make(self, tp: TP, inputs: Inputs) -> OwnedTask:
        role = self._roles[tp.topic]
        state = StateLog(TP(self.state_topic(tp), tp.partition), self.kafka, self.topics)
        return OwnedTask(
            STAGE_OF[role],
            self.stages.task(role, tp.partition),
            state,
            inputs.topic_id(tp.topic),
        )
