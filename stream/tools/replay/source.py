"""The sources of a replay: files as one partition, or a topic with its own partitions."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from stream.tools.replay.files import batches, total_bytes
from stream.tools.replay.topic import partitions, parts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from stream.kafka.settings import KafkaSettings
    from stream.tools.replay.topic import ArrivalSpan, Part

#: Is called with the bytes or records read so far and their total (None: unknown).
OnProgress = Callable[[int, int | None], None]


def ignore_progress(done: int, total: int | None) -> None:
    """Show no progress."""


class ReplaySource(Protocol):
    """Anything with records in partitions."""

    partitions: int
    on_progress: OnProgress

    def parts(self) -> Iterator[Part]:
        """Yield consecutive records of a partition, and an empty list where it ends."""


class FileSource:
    """Files, one after the other."""

    partitions = 1

    def __init__(self, files: Sequence[Path]) -> None:
        """Raise UsageError when one is not there."""
        self._files = files
        self._total = total_bytes(files)
        self.on_progress: OnProgress = ignore_progress

    def parts(self) -> Iterator[Part]:
        """Yield the records of all files; see :func:`batches`."""
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            self.on_progress(done, self._total)

        for records in batches(self._files, advance=advance):
            yield 0, records


class TopicSource:
    """What arrived on a topic between two times."""

    def __init__(self, kafka: KafkaSettings, arrivals: ArrivalSpan) -> None:
        """Raise UsageError when there is no such topic, BrokerError without a broker."""
        self._kafka = kafka
        self._arrivals = arrivals
        self._numbers = partitions(kafka, arrivals.topic)
        self.partitions = len(self._numbers)
        self.on_progress: OnProgress = ignore_progress

    def parts(self) -> Iterator[Part]:
        """Yield the records of all partitions, numbered from 0."""
        total = done = 0

        def begin(count: int) -> None:
            nonlocal total
            total = count

        place = {number: i for i, number in enumerate(self._numbers)}
        for number, records in parts(self._kafka, self._arrivals, self._numbers, begin=begin):
            done += len(records)
            self.on_progress(done, total)
            yield place[number], records
