"""Processes record batches, writes checkpoints, takes partitions over; it does not know Faust.

::

    take(batch) ─▶ queue ─▶ stage ─▶ sender ─▶ position
    checkpoint()   ─▶ everything sent is acknowledged ─▶ state is written ─▶ offsets to commit

One batch is processed at a time, in a thread, so HTTP requests, timers and connections are served
while a window takes long. A checkpoint reads positions and tasks between two batches, so they are
consistent; then it waits for the brokers while processing continues.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from stream.core.errors import DistillwatchError, StateError
from stream.worker.clock import WallClock
from stream.worker.fetch_queue import FETCHES, FetchQueue
from stream.worker.positions import Positions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from stream.core.records import Emission
    from stream.http.health import Health
    from stream.worker.metrics import WorkerMetrics
    from stream.worker.ports import Offsets
    from stream.worker.record_batch import TP, RecordBatch
    from stream.worker.sender import Sender
    from stream.worker.tasks import OwnedTasks
    from stream.worker.topic_monitor import TopicMonitor

log = logging.getLogger(__name__)


class Runtime:
    """Stages, positions and state of one worker."""

    def __init__(
        self,
        tasks: OwnedTasks,
        sender: Sender,
        topics: TopicMonitor,
        metrics: WorkerMetrics,
        health: Health,
    ) -> None:
        """Start without partitions."""
        self.tasks = tasks
        self.topics = topics
        self.positions = Positions()
        self.clock = WallClock()
        self.epoch = 0
        self.waiting = FetchQueue(FETCHES * tasks.kafka.fetch_bytes)
        self.failed = asyncio.Event()
        self.failure: BaseException | None = None
        #: Nothing is processed or sent: partitions are taken over, or the worker stops.
        self.paused = True
        #: When the commit that is under way began, monotonic seconds.
        self.commit_began: float | None = None
        #: When a record was processed, monotonic seconds. Drill records do not end idleness.
        self.last_record: dict[TP, float] = {}
        self._sender = sender
        self._metrics = metrics
        self._health = health
        self._working = asyncio.Lock()
        self._assigning = asyncio.Lock()
        self._generation: int | None = None
        self._paused_generation: int | None = None

    # -- failing ------------------------------------------------------------------------------

    def fail(self, error: BaseException) -> None:
        """Stop for good: no checkpoint and no commit follows, so nothing is lost."""
        if self.failure is None:
            self.failure = error
            self._health.fail(str(error))
            if not isinstance(error, DistillwatchError):
                log.error("the worker stops", exc_info=error)
            self.failed.set()

    # -- records ------------------------------------------------------------------------------

    def take(self, batch: RecordBatch) -> None:
        """Let a fetched batch wait for its stage."""
        self.waiting.put(self.tasks.depth(batch.tp), batch)

    async def run(self) -> None:
        """Process what waits, for ever."""
        while True:
            await self.process(await self.waiting.get())

    async def process(self, batch: RecordBatch) -> None:
        """Process a batch; any error fails the worker and leaves the position where it was."""
        async with self._working:
            if self.paused or self.failure is not None or batch.epoch != self.epoch:
                return  # read again after the next seek
            try:
                await self._process(batch)
            except BaseException as error:  # a cancelled batch is half done: no checkpoint after it
                self.fail(error)
                raise

    async def send_between_batches(self, make: Callable[[], Awaitable[list[Emission]]]) -> float:
        """Send emissions that no record causes, and wait until they are acknowledged.

        ``make`` runs between two batches. Returns how long the brokers took, seconds.
        """
        async with self._working:
            if not self.paused and self.failure is None:
                await self._sender.send(await make())
        sent = time.monotonic()
        await self._sender.flush()
        return time.monotonic() - sent

    async def _process(self, batch: RecordBatch) -> None:
        records = self.positions.unprocessed(batch)
        if not records:
            return
        if self.tasks.reads(batch.tp):
            owned = self.tasks[batch.tp]
            for record in records:
                with self._metrics.stage_seconds.labels(stage=owned.stage).time():
                    emissions = await asyncio.to_thread(
                        owned.task.feed, record.offset, record.value
                    )
                await self._sender.send(emissions)
        else:
            reader = self.tasks.stages.reader(batch.tp.topic)
            with self._metrics.stage_seconds.labels(stage="intake").time():
                emissions = await asyncio.to_thread(
                    reader.process,
                    batch.tp.partition,
                    records,
                    now_s=self.clock.now(),
                )
            await self._sender.send(emissions)
        self.positions.advance(batch)
        if any(record.drill_signature is None for record in records):
            self.last_record[batch.tp] = time.monotonic()
        self._health.progress(time.monotonic())

    # -- durability ---------------------------------------------------------------------------

    async def checkpoint(self) -> dict[TP, int]:
        """Make everything processed so far durable; return the offsets that are safe to commit."""
        async with self._working:
            if self.failure is not None:
                return {}
            positions = self.positions.all()
            tasks = [task for _, task in self.tasks if not task.fenced]
            changed = [(task, await asyncio.to_thread(task.snapshot)) for task in tasks]
        writes = [(task, found) for task, found in changed if found is not None]
        try:
            await self._sender.flush()
            with self._metrics.state_flush_seconds.time():
                await asyncio.gather(*(task.write(*found) for task, found in writes))
        except BaseException as error:
            self.fail(error)
            raise
        for task in (task for task, _ in writes if task.fenced):
            self._metrics.partitions_fenced_total.labels(stage=task.stage).inc()
        fenced = {tp for tp, task in self.tasks if task.fenced}
        return {tp: offset for tp, offset in positions.items() if tp not in fenced}

    def committed(self, *, done: bool) -> None:
        """Count a commit."""
        self._metrics.commits_total.labels(result="done" if done else "failed").inc()
        if done:
            self._metrics.last_commit_timestamp_seconds.set_to_current_time()

    async def pause(self, generation: int | None) -> None:
        """Finish the current batch and process no more; a checkpoint and a commit come next."""
        async with self._working:
            self.paused = True
            # A generation that was not taken over does not count: others may have had its tasks.
            self._paused_generation = generation if generation == self._generation else None
            self._health.consuming = False

    # -- partitions ---------------------------------------------------------------------------

    async def assign(
        self, assigned: Iterable[TP], generation: int, offsets: Offsets
    ) -> dict[TP, int]:
        """Own the assigned partitions; return the offset to read each from.

        Tasks of the generation directly before are still valid, because no other worker can have
        owned them in between; after any gap they are loaded again.
        """
        async with self._assigning:
            mine = set(assigned)
            if generation != self._generation:
                self._metrics.rebalances_total.inc()
                self._health.recovered = False
                await self._drop(mine, everything=generation - 1 != self._paused_generation)
            await self.topics.refresh()  # before a record of them is read
            await self.tasks.assign(mine, self.topics)
            new = {tp for tp in mine if self.positions.get(tp) is None}
            self.positions.set(await self._starts(new, offsets))
            now = time.monotonic()
            self.last_record |= dict.fromkeys(new, now)
            self._generation = generation
            self._health.recovered = True
            self.epoch += 1
            return {tp: position for tp, position in self.positions.all().items() if tp in mine}

    def resume(self) -> None:
        """Process batches again: the consumer is at the offsets that :meth:`assign` returned."""
        self.paused = False
        self._health.consuming = True

    async def _drop(self, mine: set[TP], *, everything: bool) -> None:
        kept = set() if everything else mine
        kept -= {tp for tp, task in self.tasks if task.fenced}
        gone = self.positions.all().keys() - kept
        for tp in gone:
            if not self.tasks.reads(tp) and tp.topic not in self.tasks.stages.feedback:
                self.tasks.stages.source.forget(tp.partition)
            self.last_record.pop(tp, None)
        self.positions.forget(gone)
        await self.tasks.retain_only(kept)

    async def _starts(self, new: set[TP], offsets: Offsets) -> dict[TP, int]:
        """Return where to start reading partitions that this worker did not own before."""
        if not new:
            return {}
        beginnings, ends = await offsets.beginning(new), await offsets.ends(new)
        committed = await offsets.committed(tp for tp in new if not self.tasks.reads(tp))
        starts = {}
        for tp in new:
            task = self.tasks.reads(tp)
            wanted = self.tasks[tp].task.resume_offset if task else committed.get(tp)
            starts[tp] = beginnings[tp] if wanted is None else max(wanted, beginnings[tp])
            # A broker without transactions (embedded) may report ends too low.
            if starts[tp] > ends[tp] and tp.topic in self.tasks.stages.feedback:
                starts[tp] = beginnings[tp]  # made again; reading feedback twice is harmless
            if starts[tp] > ends[tp] and self.tasks.kafka.transactions:
                raise self._ahead(tp, starts[tp], ends[tp])
            lost = self._metrics.records_lost_total.labels(topic=tp.topic)  # shown as 0, too
            if wanted is not None and wanted < beginnings[tp]:
                lost.inc(beginnings[tp] - wanted)
                log.error(
                    "%s[%d]: records %d to %d are gone before they were processed: the topic keeps "
                    "records for too short a time",
                    tp.topic,
                    tp.partition,
                    wanted,
                    beginnings[tp] - 1,
                )
        return starts

    def _ahead(self, tp: TP, wanted: int, end: int) -> StateError:
        """Return the error for a topic that has lost records that were read before."""
        remedy = (
            f"delete its state topic {self.tasks.state_topic(tp)} too and run `distillwatch topics "
            "create`: the stage starts without state"
            if self.tasks.reads(tp)
            else f"set the group's offset for it by hand (`kafka-consumer-groups.sh --group "
            f"{self.tasks.kafka.app_id} --reset-offsets`); records below {wanted} count as "
            "duplicates"
        )
        return StateError(
            f"{tp.topic}[{tp.partition}]: {wanted} records were processed, the topic has {end}: it "
            f"was made again or has lost records. Stop all workers and {remedy}"
        )
