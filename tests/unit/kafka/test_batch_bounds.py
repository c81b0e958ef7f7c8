"""A small batch that becomes gigabytes takes no memory, and ends its reader with one line."""

from __future__ import annotations

import contextlib
import gzip
import random
import struct
import tracemalloc
from typing import TYPE_CHECKING, Any

import cramjam
import pytest
import zstandard
from aiokafka import TopicPartition
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from stream.core.errors import BrokerError
from stream.kafka.batch_bounds import (
    MOST_BYTES,
    BatchError,
    gzip_decode,
    lz4_decode,
    snappy_decode,
    zstd_decode,
)
from stream.kafka.header_names import TolerantPartitionRecords, accept_any_header_name

if TYPE_CHECKING:
    from collections.abc import Callable

_CRC, _ATTRIBUTES, _RECORDS = 17, 21, 61  # where they begin in a batch
_NUMBERS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
NAMES = [*_NUMBERS]
ENCODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip_encode,
    "snappy": snappy_encode,
    "lz4": lz4_encode,
    "zstd": zstd_encode,
}
DECODE = {"gzip": gzip_decode, "snappy": snappy_decode, "lz4": lz4_decode, "zstd": zstd_decode}


def encode(name: str, data: bytes) -> bytes:
    return ENCODE[name](data)


def decode(name: str, data: bytes) -> bytes:
    return DECODE[name](data)


def bomb(name: str) -> bytes:
    """Return what becomes a gigabyte, made of frames that are each within the bound."""
    part = bytes(MOST_BYTES // 2)
    packed = {
        "gzip": lambda: gzip.compress(part, 1),
        "lz4": lambda: lz4_encode(part),
        "zstd": lambda: zstandard.ZstdCompressor(1).compress(part),
        "snappy": lambda: snappy_encode(part),
    }[name]()
    return packed + (packed[16:] if name == "snappy" else packed) * 15


def batch(name: str, packed: bytes) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0,
        producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=2**16,
    )  # fmt: skip
    builder.append(0, timestamp=1000, key=b"k", value=b"v", headers=[])
    built = bytearray(builder.build()[:_RECORDS]) + packed
    built[_ATTRIBUTES + 1] |= _NUMBERS[name]
    built[8:12] = (len(built) - 12).to_bytes(4, "big")
    built[_CRC : _CRC + 4] = calc_crc32c(bytes(built[_ATTRIBUTES:])).to_bytes(4, "big")
    return bytes(built)


def fetched(raw: bytes) -> list[bytes]:
    partition_records: Any = fetcher.PartitionRecords
    found = partition_records(
        TopicPartition("requests", 3), fetcher.MemoryRecords(raw), [], 7, None, None,
        check_crcs=True, isolation_level=fetcher.READ_COMMITTED,  # type: ignore[attr-defined]
    )  # fmt: skip
    return [one.value for one in found]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [0, 1, 1_000, 300_000])
def test_what_producers_write_is_unpacked(name: str, size: int) -> None:
    data = random.Random(1).randbytes(size) + bytes(size) + b"end"
    assert decode(name, encode(name, data)) == data


def test_other_ways_to_write_them_are_unpacked() -> None:
    data = random.Random(1).randbytes(70_000) * 3
    assert decode("snappy", bytes(cramjam.snappy.compress_raw(data))) == data
    with_sums = cramjam.lz4.Compressor(level=1, content_checksum=True, block_linked=True)
    with_sums.compress(data)
    assert decode("lz4", bytes(with_sums.finish())) == data
    assert decode("gzip", gzip.compress(data) + gzip.compress(b"more")) == data + b"more"


@pytest.mark.parametrize("name", NAMES)
def test_a_bomb_takes_no_memory(name: str) -> None:
    packed = bomb(name)
    tracemalloc.start()
    try:
        with pytest.raises(BatchError, match="more than 128 MiB"):
            decode(name, packed)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2.5 * MOST_BYTES


@pytest.mark.parametrize("name", NAMES)
def test_damage_is_one_error(name: str) -> None:
    packed, source = encode(name, b"some text " * 500), random.Random(2)
    for _ in range(200):
        damaged = bytearray(packed)
        damaged[source.randrange(len(packed))] ^= 1 << source.randrange(8)
        cut = bytes(damaged[: source.randrange(1, len(packed) + 1)])
        with contextlib.suppress(BatchError):
            decode(name, cut)


def test_lengths_that_are_lies_end_at_once() -> None:
    header = b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1)
    with pytest.raises(BatchError, match="without a length"):
        decode("snappy", header + struct.pack(">i", 0) * 1_000)
    with pytest.raises(BatchError, match="more than 128 MiB"):
        decode("snappy", b"\xff\xff\xff\xff\x0f" + b"\x00" * 20)


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_ends_with_one_line_that_names_the_batch(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher, "PartitionRecords", TolerantPartitionRecords.__base__)
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    accept_any_header_name()
    with pytest.raises(
        BrokerError, match=r"requests\[3\]: the batch of records at offset 7"
    ) as why:
        fetched(batch(name, bomb(name)))
    assert str(why.value).isprintable()
