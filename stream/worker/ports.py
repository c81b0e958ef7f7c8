"""What the parts of a worker need of each other and of the pipeline, as protocols."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stream.core.packets import IdleClaim
    from stream.core.records import Emission, Record
    from stream.worker.record_batch import TP

#: A broker's answer that is older does not count. Kafka answers a fetch of a partition without new
#: records after 1.5 s (Faust's fetch_max_wait_ms).
RECENT_ANSWER_S: Final = 5.0

#: Keys and values of state; None deletes.
StateRows = list[tuple[bytes, bytes | None]]


class StateRestorer(Protocol):
    """Loads the state that an earlier owner wrote to a changelog."""

    def check(self, schema: bytes | None) -> bool:
        """Take the schema of the rows that follow; return whether new rows are of it, too.

        Raises StateError unless rows of it may be read; None: there is no schema.
        """
        ...

    def load(self, rows: StateRows) -> None:
        """Load the next rows in the order they were written; None deletes.

        Raises LostPartError when a part of the state cannot be used.
        """
        ...

    def restore(self, checkpoint: bytes | None) -> None:
        """Continue from the checkpoint record of the loaded rows; None: there are only rows.

        Raises as :meth:`load` does.
        """
        ...


class LostPart(Protocol):
    """A part of stored state that is learnt again."""

    @property
    def part(self) -> str: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102
    @property
    def learnt_again(self) -> str: ...  # noqa: D102
    @property
    def rows(self) -> int: ...  # noqa: D102


class Task(StateRestorer, Protocol):
    """One partition of one stage; single-threaded, no input or output, no clock."""

    @property
    def resume_offset(self) -> int | None:
        """Return the offset to read from after a recovery; None: the beginning."""
        ...

    def abandon(self, part: str, reason: str) -> None:
        """Leave a part of stored state out; before anything is loaded."""
        ...

    @property
    def relearned(self) -> Sequence[LostPart]:
        """Return the parts of stored state that were lost; after loading."""
        ...

    def feed(self, offset: int, value: bytes) -> list[Emission]:
        """Process one internal record; return what is to be sent."""
        ...

    def take_changes(self) -> StateRows:
        """Return the state rows changed since the last call; None deletes the key."""
        ...

    def checkpoint_record(self) -> bytes:
        """Return the record that completes a checkpoint."""
        ...

    def schema(self) -> bytes:
        """Return the record with the schema of the rows, which precedes them."""
        ...

    def release(self) -> None:
        """Withdraw the task's contribution to the gauges."""
        ...


class RecordReader(Protocol):
    """Reads a topic that others write, and keeps no durable state."""

    def process(self, partition: int, records: Sequence[Record], *, now_s: float) -> list[Emission]:
        """Return the emissions of consecutive records of one partition."""
        ...


class SourceReader(RecordReader, Protocol):
    """The first stage: reads the source topic."""

    def on_topic_changed(self, partitions: int, topic_id: str) -> None:
        """Set the current number of partitions of the source topic, and its id."""
        ...

    def idle(self, partition: int, claim: IdleClaim, *, elapsed_s: float) -> list[Emission]:
        """Return the claim of a partition; its clock advances by ``elapsed_s``."""
        ...

    def forget(self, partition: int) -> None:
        """Drop the state of a partition that has moved to another worker."""
        ...


@dataclass(frozen=True, slots=True)
class Stages:
    """What the worker runs; ``task`` makes the task of a role (see Role) and partition.

    ``feedback`` has the readers of the feedback topics by topic name.
    """

    source: SourceReader
    task: Callable[[str, int], Task]
    feedback: Mapping[str, RecordReader] = field(default_factory=dict)

    def reader(self, topic: str) -> RecordReader:
        """Return the reader of a topic that no task reads."""
        return self.feedback.get(topic, self.source)


class Offsets(Protocol):
    """Offsets of partitions in the consumer group and in the log."""

    async def committed(self, tps: Iterable[TP]) -> Mapping[TP, int | None]:
        """Return the committed offset of each, or None."""
        ...

    async def beginning(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """Return the first offset of each that still exists."""
        ...

    async def ends(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """Return the offset that the next record of each will have."""
        ...


class PartitionView(Protocol):
    """What a consumer knows about topics and partitions."""

    def partitions(self, topic: str) -> int | None:
        """Return the number of partitions of a topic as last seen; None: unknown or gone."""
        ...

    def end(self, tp: TP, *, within_s: float) -> int | None:
        """Return the end of a partition if a broker reported it within ``within_s``, else None."""
        ...

    async def ends(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        """Request the current end of each partition from the brokers."""
        ...
