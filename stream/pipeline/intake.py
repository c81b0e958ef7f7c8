"""Intake: source records in; packets of events for each accounts task, and dead letters, out.

With them go records of sketches of answers, where answers are traced.

Its only state is the clock of each source partition, so any worker can take a partition over.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from stream.core.events import EventBatch
from stream.core.packets import ChunkHeader, pack
from stream.core.records import Emission
from stream.intake.codec.decoder import Decoder
from stream.intake.codec.invalid import InvalidShare
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.intake.fingerprint.networks import NetworkLookup, no_databases
from stream.pipeline.chunks import pack_events
from stream.pipeline.dead_letters import DeadLetters
from stream.pipeline.drill_decoder import DrillDecoder
from stream.pipeline.reader import EventReader, Watch, ignore
from stream.pipeline.routing import account_tasks
from stream.trace.answer_record import encode, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.accounts.windows.settings import WindowSettings
    from stream.core.packets import IdleClaim
    from stream.core.records import Record
    from stream.intake.codec.settings import IntakeSettings
    from stream.intake.directory.directory import AccountDirectory
    from stream.intake.sharing.value_sharing import ValueSharing
    from stream.pipeline.metrics import PipelineMetrics
    from stream.trace.answer_record import Answers
    from stream.trace.answer_sketches import AnswerSketches


class Intake:
    """Decodes, fingerprints and routes; one object for all source partitions of a worker."""

    def __init__(  # noqa: PLR0913 - the composition root gives it all
        self,
        settings: IntakeSettings,
        windows: WindowSettings,
        *,
        topic: str,
        source_partitions: int = 1,
        tasks: int,
        packet_bytes: int,
        metrics: PipelineMetrics,
        directory: AccountDirectory,
        networks: Callable[[], NetworkLookup] = no_databases,
        sharing: ValueSharing | None = None,
        watch: Watch = ignore,
        answers: AnswerSketches | None = None,
    ) -> None:
        """``topic`` names the source in dead letters; ``tasks`` are the accounts tasks.

        ``source_partitions`` are as many until :meth:`on_topic_changed`; ``packet_bytes`` is
        the most that fits into an internal record; ``directory`` knows what events lack, and may
        be loaded meanwhile; ``networks`` looks addresses up; ``sharing`` notes what may be shared
        and matches what others share; ``watch`` sees the decoded events: a run with labels counts
        them; ``answers`` sketches answers (None: none are).
        """
        self._drills = DrillDecoder(settings)
        self._fingerprinter = Fingerprinter(
            settings.salt.reveal().encode(),
            request_ids=settings.duplicate_window_s > 0,
            networks=networks,
            sharing=sharing.hashing if sharing else None,
            previous=settings.salt_previous.reveal().encode() or None,
        )
        self._sharing = sharing
        self._reader = EventReader(
            Decoder(settings, metrics), self._fingerprinter, metrics, watch, answers
        )
        self._directory = directory
        self._invalid = InvalidShare(settings)
        self._dead = DeadLetters(topic, most_bytes=settings.max_dead_letter_bytes, metrics=metrics)
        self._windows = windows
        self._sources = source_partitions
        self._topic_id = ""
        self._tasks = tasks
        self._packet_bytes = packet_bytes
        self._metrics = metrics
        self._clocks: dict[int, float] = {}

    def on_topic_changed(self, partitions: int, topic_id: str) -> None:
        """Set the current number of partitions of the source topic, and its id."""
        self._sources, self._topic_id = partitions, topic_id

    def process(self, partition: int, records: Sequence[Record], *, now_s: float) -> list[Emission]:
        """Return the emissions of consecutive records of one source partition.

        Raises InvalidShareError when most records of a span are not events.
        """
        drills = [record for record in records if record.drill_signature is not None]
        if drills:
            records = [record for record in records if record.drill_signature is None]
        read = self._reader.read(records, now_s=now_s)
        drill = self._drills.decode(drills, now_s=now_s)
        batch, rejects = self._fill(read.batch), [*read.rejects, *drill.rejects]
        out = [self._dead.letter(partition, r.record, r.reason) for r in rejects]
        out += self._sketches(read.answers)
        self._invalid.observe(len(batch), read.invalid)
        self._metrics.invalid_share.set(self._invalid.share)
        self._advance(partition, read.skipped_s)
        if len(batch):
            self._observe_delay(batch, now_s)
            self._advance(partition, float(batch.columns["time"].max()))
        elif not drill.events:
            # Records that are not model calls move the clock too: else the partition would delay
            # all.
            return out + (self._watermarks(partition) if math.isfinite(read.skipped_s) else [])
        if drill.events:
            # A drill does not move the clock: its time may be ahead of a gateway that is late.
            rows = self._fingerprinter.columns(drill.events, drill.offsets)
            batch = _in_source_order(batch, rows)
        shareable = self._sharing.emissions() if self._sharing else []
        return out + shareable + self._route(partition, batch)

    def idle(self, partition: int, claim: IdleClaim, *, elapsed_s: float) -> list[Emission]:
        """Return the claim of a partition that has been read to its end.

        Its clock advances by ``elapsed_s``, so that the last windows close too.
        """
        return self._watermarks(partition, elapsed_s=elapsed_s, idle=claim)

    def forget(self, partition: int) -> None:
        """Drop the clock of a partition that has moved to another worker."""
        self._clocks.pop(partition, None)

    def _fill(self, batch: EventBatch) -> EventBatch:
        """Return the batch with the account directory's fields; drills are not in the directory."""
        filled = self._directory.fill(batch)
        lookups = self._metrics.directory_lookups_total
        lookups.labels(result="hit").inc(filled.hits)
        lookups.labels(result="miss").inc(len(batch) - filled.hits)
        return filled.batch

    def _sketches(self, parts: Sequence[Answers]) -> list[Emission]:
        records = encode(merged(parts), most_bytes=self._packet_bytes) if parts else []
        return [Emission("answers", None, None, value) for value in records]

    def _advance(self, partition: int, time_s: float) -> None:
        self._clocks[partition] = max(self._clocks.get(partition, -math.inf), time_s)

    def _watermarks(
        self, partition: int, *, elapsed_s: float = 0.0, idle: IdleClaim | None = None
    ) -> list[Emission]:
        header = ChunkHeader(
            self._clocks.get(partition, -math.inf) + elapsed_s - self._windows.allowed_lateness_s,
            idle=idle,
        )
        value = pack(
            source=partition, sources=self._sources, topic_id=self._topic_id, header=header
        )
        return [Emission("events", task, None, value) for task in range(self._tasks)]

    def _route(self, partition: int, batch: EventBatch) -> list[Emission]:
        watermark = self._clocks[partition] - self._windows.allowed_lateness_s
        tasks = account_tasks(batch.accounts, self._tasks)[batch.columns["account"]]
        rows = batch.take(np.argsort(tasks, kind="stable"))
        models = self._fingerprinter.model_names(rows)
        ends = np.cumsum(np.bincount(tasks, minlength=self._tasks)).tolist()
        return [
            Emission("events", task, None, value)
            for task, part in enumerate(pairwise([0, *ends]))
            for value in pack_events(
                rows.take(slice(*part)),
                source=partition,
                sources=self._sources,
                topic_id=self._topic_id,
                watermark=watermark,
                max_bytes=self._packet_bytes,
                models=models,
            )
        ]

    def _observe_delay(self, batch: EventBatch, now_s: float) -> None:
        # One sample a batch, its newest event's: the delay of a batch is that of its records.
        self._metrics.event_delay_seconds.observe(
            max(now_s - float(batch.columns["time"].max()), 0)
        )


def _in_source_order(one: EventBatch, other: EventBatch) -> EventBatch:
    both = EventBatch.merge([one, other])
    return both.take(np.argsort(both.columns["offset"], kind="stable"))
