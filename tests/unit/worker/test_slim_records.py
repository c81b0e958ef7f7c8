"""A slim record equals the one of aiokafka."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from stream.worker.slim_records import SlimRecord, install_slim_records

if TYPE_CHECKING:
    import pytest

TP = TopicPartition("requests", 3)
RECORDS = [(b"key", b"value", []), (None, None, [("mark", b"m"), ("none", None)]), (b"", b"", [])]


def written() -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0,
        producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=2**16,
    )  # fmt: skip
    for i, (key, value, headers) in enumerate(RECORDS):
        builder.append(i, timestamp=1000 + i, key=key, value=value, headers=headers)
    return bytes(builder.build())


def fetched() -> list:
    records: Any = fetcher.PartitionRecords
    return list(
        records(
            TP,
            MemoryRecords(written()),
            [],
            0,
            None,
            None,
            check_crcs=True,
            isolation_level=fetcher.READ_COMMITTED,  # type: ignore[attr-defined]
        )
    )


def test_it_says_what_aiokafka_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetcher, "PartitionRecords", fetcher.PartitionRecords)
    expected = fetched()
    install_slim_records()
    found = fetched()
    assert len(found) == len(RECORDS)
    assert all(isinstance(record, SlimRecord) for record in found)
    for name in SlimRecord.__struct_fields__:
        assert [getattr(record, name) for record in found] == [getattr(r, name) for r in expected]
