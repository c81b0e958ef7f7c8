r"""Reads fetched records, whatever their headers and batches are; it interprets no record.

Brokers and most clients take any bytes as the name of a header. aiokafka raises UnicodeDecodeError
for them at the same record again and again, so one such record would stop all readers of its topic
for good. There is no setting for it, so the class that unpacks records is replaced: a fetch with
such a record is unpacked again, slowly, with ``\xff`` written out.

It unpacks all batches of a fetch into one list, too. Here a fetch ends when its records have taken
as much memory as one batch may, and before a batch that cannot be unpacked: the next fetch begins
behind the last record that was returned, so none is lost and none is read twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

from stream.core.errors import BrokerError
from stream.kafka.batch_bounds import MOST_BYTES, BatchError, bound_batches

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Of a record without content: the object, its numbers and the heads of its bytes (measured: 224).
RECORD_BYTES: Final = 256


class _Buffer(bytearray):
    """Bytes of records: text that is cut out of them may be damaged."""

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - a byte or a slice
        found = super().__getitem__(index)
        return _Buffer(found) if isinstance(index, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        """Return the text, with bytes that are none written out."""
        return super().decode(encoding, errors)


class _TolerantBatch(_DefaultRecordBatchPy):
    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Buffer(self._buffer)


class _TolerantRecords(_MemoryRecordsPy):
    """The record batches of a fetch that are not read to their end."""

    def __init__(self, fetched: bytes, next_offset: int) -> None:
        super().__init__(fetched)
        self._left = [batch for batch in self._batches() if batch.next_offset > next_offset]

    def _batches(self) -> Iterator[Any]:
        while (piece := self._next_slice) is not None:
            # Only records of this version have headers.
            if piece[self.MAGIC_OFFSET] < 2:  # noqa: PLR2004 - Kafka's message format
                yield super().next_batch()
            else:
                self._cache_next()
                yield _TolerantBatch(piece)

    def has_next(self) -> bool:
        return bool(self._left)

    def next_batch(self) -> Any:  # noqa: ANN401 - an old or a new batch
        self.batch = self._left.pop(0) if self._left else None
        return self.batch


class _FetchedRecords(MemoryRecords):
    """The record batches of a fetch, its bytes, and the batch that was taken last."""

    def __init__(self, fetched: bytes) -> None:
        super().__init__(fetched)
        self.fetched = fetched

    def next_batch(self) -> Any:  # noqa: ANN401 - an old or a new batch
        self.batch = super().next_batch()
        return self.batch


class TolerantPartitionRecords(fetcher.PartitionRecords):
    """Iterates over the records of a fetch from one partition."""

    _returned_bytes = 0

    def __next__(self) -> Any:  # noqa: ANN401 - aiokafka's record
        """Return the next record; StopIteration at the end, and where the next fetch begins.

        Raises BrokerError when the fetch begins with a batch that cannot be unpacked.
        """
        if self._returned_bytes > MOST_BYTES:
            raise StopIteration
        try:
            record = super().__next__()
        except UnicodeDecodeError:
            self._records = _TolerantRecords(self._records.fetched, self.next_fetch_offset)
            self._records_iterator = self._unpack_records()
            record = super().__next__()
        except BatchError as error:
            if self._returned_bytes:
                raise StopIteration from error
            raise BrokerError(self._refused(error)) from error
        self._returned_bytes += _bytes_of(record)
        return record

    def _refused(self, error: BatchError) -> str:
        return (
            f"{self._tp.topic}[{self._tp.partition}]: the batch of records at offset "
            f"{self.next_fetch_offset} cannot be unpacked: {error}. No program of distillwatch "
            "writes such a batch: find who may write to the topic. What comes after the batch "
            f"begins at offset {self._records.batch.next_offset}"
        )


def read_any_fetch() -> None:
    """Make all consumers of this process read such fetches; idempotent."""
    bound_batches()
    fetcher.MemoryRecords = _FetchedRecords
    if not issubclass(fetcher.PartitionRecords, TolerantPartitionRecords):
        fetcher.PartitionRecords = TolerantPartitionRecords  # type: ignore[misc]  # as intended


def _bytes_of(record: Any) -> int:  # noqa: ANN401 - aiokafka's record
    size = RECORD_BYTES + len(record.key or b"") + len(record.value or b"")
    if record.headers:
        size += sum(len(name) + len(value or b"") for name, value in record.headers)
    return size
