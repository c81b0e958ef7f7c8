"""A record whose header has a name that is no UTF-8 is read, once, with all beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import TopicPartition
from aiokafka.codec import zstd_encode
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from stream.kafka.fetched_records import TolerantPartitionRecords, read_any_fetch
from stream.worker.slim_records import install_slim_records

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME, _DAMAGED = b"a-header-name", b"a-h\xffader\xc0nam\x80"
_CRC, _ATTRIBUTES, _RECORDS = 17, 21, 61  # where they begin in a batch


@pytest.fixture(autouse=True)
def _originals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with aiokafka's classes: another test may have replaced them."""
    monkeypatch.setattr(fetcher, "PartitionRecords", TolerantPartitionRecords.__base__)
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)


def batch(first: int, names: list[bytes], *, compressed: bool = False) -> bytes:
    """Return a record batch with offsets from ``first``, one header a record."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0,
        producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=2**16,
    )  # fmt: skip
    for i, name in enumerate(names):
        headers = [(_NAME.decode(), name)]
        builder.append(i, timestamp=1000, key=b"k%d" % (first + i), value=b"v", headers=headers)
    built = bytearray(builder.build())
    built[0:8] = first.to_bytes(8, "big")
    for name in set(names) - {_NAME}:
        # The value of a header is the name it is to have; before it stand its name and a length.
        length = bytes([2 * len(name)])
        built = built.replace(_NAME + length + name, name + length + name)
    if compressed:
        built = built[:_RECORDS] + zstd_encode(bytes(built[_RECORDS:]))
        built[_ATTRIBUTES + 1] |= 4
        built[8:12] = (len(built) - 12).to_bytes(4, "big")
    built[_CRC : _CRC + 4] = calc_crc32c(bytes(built[_ATTRIBUTES:])).to_bytes(4, "big")
    return bytes(built)


def fetched(raw: bytes, start: int = 0) -> list[tuple[int, bytes, str, bytes]]:
    partition_records: Any = fetcher.PartitionRecords
    found = partition_records(
        TopicPartition("requests", 0), fetcher.MemoryRecords(raw), [], start, None, None,
        check_crcs=True, isolation_level=fetcher.READ_COMMITTED,  # type: ignore[attr-defined]
    )  # fmt: skip
    return [(one.offset, one.key, *one.headers[0]) for one in found]


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("install", [read_any_fetch, install_slim_records])
def test_records_around_a_damaged_name_are_read_once(
    install: Callable[[], None], *, compressed: bool
) -> None:
    rest = (
        batch(2, [_NAME, _DAMAGED, _NAME], compressed=compressed)
        + batch(5, [_NAME])
        + batch(6, [_DAMAGED], compressed=compressed)
    )
    raw = batch(0, [_NAME, _NAME]) + rest
    with pytest.raises(UnicodeDecodeError):
        fetched(raw)
    install()
    found = fetched(raw)
    assert [offset for offset, *_ in found] == [0, 1, 2, 3, 4, 5, 6]
    assert [key for _, key, *_ in found] == [b"k%d" % offset for offset in range(7)]
    damaged = _DAMAGED.decode(errors="backslashreplace")
    usual = _NAME.decode()
    assert [name for *_, name, _ in found] == [usual] * 3 + [damaged] + [usual] * 2 + [damaged]
    assert [value for *_, value in found] == [_NAME] * 3 + [_DAMAGED] + [_NAME] * 2 + [_DAMAGED]
    assert [offset for offset, *_ in fetched(rest, start=3)] == [3, 4, 5, 6]
