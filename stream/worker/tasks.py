"""The partition tasks that this worker owns, each with its changelog; it computes nothing.

A task belongs to one partition of an internal topic. It is made when the partition is assigned, its
state is loaded from the changelog topic, and it is dropped when the partition moves to another
worker.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stream.kafka.topics import STAGE_OF, STATE_TOPICS, state_topic_of, topic_of
from stream.worker.changelog import Changelog, FencedError
from stream.worker.record_batch import TP
from stream.worker.recovery import recover

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from stream.kafka.settings import KafkaSettings, TopicSettings
    from stream.worker.metrics import WorkerMetrics
    from stream.worker.ports import Stages, StateRows, Task
    from stream.worker.recovery import Recovered
    from stream.worker.topic_monitor import TopicMonitor

log = logging.getLogger(__name__)


@dataclass(slots=True)
class OwnedTask:
    """A task and its changelog.

    ``input_id`` is the id of the topic that the task reads. ``written`` is the last checkpoint
    record in the changelog, which has ``schemas`` schemas, the last of them that of the task if it
    ``is_current``; ``fenced``: another worker owns the task now.
    """

    stage: str
    task: Task
    changelog: Changelog
    input_id: str
    written: bytes | None = None
    schemas: int = 0
    is_current: bool = False
    fenced: bool = False

    def snapshot(self) -> tuple[StateRows, bytes] | None:
        """Return the rows and the record of a checkpoint, or None when nothing has changed."""
        rows, checkpoint = self.task.take_changes(), self.task.checkpoint_record()
        return None if not rows and checkpoint == self.written else (rows, checkpoint)

    async def write(self, rows: StateRows, checkpoint: bytes) -> None:
        """Write one checkpoint; sets ``fenced`` when another worker owns the task."""
        try:
            begin = None if self.is_current else (self.input_id, self.task.schema())
            await self.changelog.write(rows, checkpoint, begin=begin, schemas=self.schemas)
        except FencedError as error:
            self.fenced = True
            log.warning("%s", error)
        else:
            self.written = checkpoint
            self.schemas += begin is not None
            self.is_current = True

    async def continue_from(self, found: Recovered) -> None:
        """Continue a changelog that was read; undo an unfinished checkpoint."""
        self.written = found.checkpoint
        self.schemas, self.is_current = found.schemas, found.is_current
        if found.undo_rows:
            log.warning(
                "%s[%d]: an unfinished checkpoint of %d rows is undone",
                self.changelog.tp.topic,
                self.changelog.tp.partition,
                len(found.undo_rows),
            )
            await self.changelog.write(found.undo_rows, found.checkpoint)


@dataclass
class OwnedTasks:
    """The tasks by the partition that they read."""

    stages: Stages
    kafka: KafkaSettings
    topics: TopicSettings
    metrics: WorkerMetrics
    _owned: dict[TP, OwnedTask] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Map the topics that tasks read to their roles."""
        self._roles = {topic_of(self.topics, role): role for role in STATE_TOPICS}
        self._depths = {
            topic: depth for depth, topic in enumerate([self.topics.requests, *self._roles])
        }

    def __getitem__(self, tp: TP) -> OwnedTask:
        """Return the task of a partition that this worker owns."""
        return self._owned[tp]

    def __iter__(self) -> Iterator[tuple[TP, OwnedTask]]:
        """Yield every task with its partition."""
        return iter(list(self._owned.items()))

    def reads(self, tp: TP) -> bool:
        """Return whether a task reads the partition (and not the source or a feedback reader)."""
        return tp.topic in self._roles

    def depth(self, tp: TP) -> int:
        """Return how far downstream the reader of a partition is; 0: the source."""
        return self._depths.get(tp.topic, len(self._depths))  # feedback goes to alerting

    def state_topic(self, tp: TP) -> str:
        """Return the changelog topic of the task that reads a partition."""
        return state_topic_of(self.topics, self._roles[tp.topic])

    async def retain_only(self, tps: Iterable[TP]) -> None:
        """Drop every task whose partition is not in ``tps``."""
        await _drop([self._owned.pop(tp) for tp in self._owned.keys() - set(tps)])

    async def assign(self, tps: Iterable[TP], topics: TopicMonitor) -> None:
        """Make and load the tasks of ``tps`` that this worker does not own yet."""
        started = time.monotonic()
        new = {tp: self._make(tp, topics) for tp in tps if self.reads(tp) and tp not in self._owned}
        try:
            await self._load(new)
        except BaseException:
            await _drop(new.values())
            raise
        self._owned |= new  # only now: a checkpoint must not see a task that is half loaded
        for owned in new.values():
            self.metrics.recovery_seconds.labels(stage=owned.stage).observe(
                time.monotonic() - started
            )

    async def _load(self, new: Mapping[TP, OwnedTask]) -> None:
        """First fence the former owners, then read: so nothing is written after it was read."""
        await asyncio.gather(*(owned.changelog.start() for owned in new.values()))
        left, lost = dict(new), dict[TP, dict[str, str]]()
        while left:
            found = await recover(
                {owned.changelog.tp: owned.task for owned in left.values()},
                self.kafka,
                inputs={owned.changelog.tp: owned.input_id for owned in left.values()},
            )
            for tp, owned in [*left.items()]:
                end = found[owned.changelog.tp]
                if end.lost is None:
                    await owned.continue_from(end)
                    self._report(owned)
                    del left[tp]
                else:
                    lost.setdefault(tp, {})[end.lost.part] = end.lost.detail
                    self._begin_again(tp, owned, lost[tp])

    def _begin_again(self, tp: TP, owned: OwnedTask, lost: Mapping[str, str]) -> None:
        """Have a task without anything loaded, which leaves some parts out."""
        owned.task.release()
        owned.task = self.stages.task(self._roles[tp.topic], tp.partition)
        for part, reason in lost.items():
            owned.task.abandon(part, reason)

    def _report(self, owned: OwnedTask) -> None:
        """Count and log what of the stored state is learnt again."""
        for one in owned.task.relearned:
            self.metrics.state_relearned_total.labels(part=one.part).inc()
            log.warning(
                "%s[%d]: stored %s (%d rows) cannot be used: %s; the rest is kept. Learnt again: "
                "%s",
                owned.changelog.tp.topic,
                owned.changelog.tp.partition,
                one.part,
                one.rows,
                one.reason,
                one.learnt_again,
            )

    def _make(self, tp: TP, topics: TopicMonitor) -> OwnedTask:
        role = self._roles[tp.topic]
        return OwnedTask(
            STAGE_OF[role],
            self.stages.task(role, tp.partition),
            Changelog(TP(self.state_topic(tp), tp.partition), self.kafka, self.topics),
            topics.topic_id(tp.topic),
        )


async def _drop(tasks: Collection[OwnedTask]) -> None:
    """Take tasks out of the gauges, and stop their changelogs."""
    for owned in tasks:
        owned.task.release()
    await asyncio.gather(*(owned.changelog.stop() for owned in tasks))
