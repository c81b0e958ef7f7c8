"""Batches are compressed at another level than aiokafka's, and read as before."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from zstandard import ZstdDecompressor

from stream.worker.compression import install_fast_compression

if TYPE_CHECKING:
    import pytest

VALUES = [bytes([i]) * 1000 for i in range(100)]
_ZSTD = 4
#: Bytes before the records of a batch (KIP-98).
_HEADER_BYTES = 61


def written() -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=_ZSTD, is_transactional=0,
        producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=2**20,
    )  # fmt: skip
    for i, value in enumerate(VALUES):
        builder.append(i, timestamp=1000, key=None, value=value, headers=[])
    return bytes(builder.build())


def test_what_was_compressed_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    builders = sys.modules[DefaultRecordBatchBuilder.__module__]
    monkeypatch.setattr(builders, "zstd_encode", builders.zstd_encode)
    before = written()
    install_fast_compression()
    after = written()
    # The same records, in a frame that says their size, as one made at once does.
    assert ZstdDecompressor().decompress(after[_HEADER_BYTES:])
    assert after != before
    batch = MemoryRecords(after).next_batch()
    assert batch is not None
    assert [record.value for record in batch] == VALUES
