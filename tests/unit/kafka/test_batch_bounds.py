"""A small batch that becomes gigabytes takes no memory, and ends its reader with one line."""

from __future__ import annotations

import contextlib
import gzip
import random
import struct
import time
import tracemalloc
from typing import TYPE_CHECKING, Any, cast

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
from stream.kafka import fetched_records
from stream.kafka.batch_bounds import (
    MOST_BYTES,
    BatchError,
    gzip_decode,
    lz4_decode,
    snappy_decode,
    zstd_decode,
)
from stream.kafka.fetched_records import TolerantPartitionRecords, read_any_fetch

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


@pytest.fixture
def tolerant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with aiokafka's classes: another test may have replaced them."""
    monkeypatch.setattr(fetcher, "PartitionRecords", TolerantPartitionRecords.__base__)
    monkeypatch.setattr(fetcher, "MemoryRecords", MemoryRecords)
    read_any_fetch()


def batch(name: str, packed: bytes | None = None, *, first: int = 0, records: int = 1) -> bytes:
    """Return a batch with offsets from ``first``; ``packed`` replaces its compressed records."""
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0,
        producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=2**16,
    )  # fmt: skip
    for i in range(records):
        value, headers = b"v%d" % (first + i), [("h", b"h" * 90)]
        builder.append(i, timestamp=1000, key=b"k", value=value, headers=headers)
    built = bytearray(builder.build())
    built = built[:_RECORDS] + (encode(name, bytes(built[_RECORDS:])) if packed is None else packed)
    built[0:8] = first.to_bytes(8, "big")
    built[_ATTRIBUTES + 1] |= _NUMBERS[name]
    built[8:12] = (len(built) - 12).to_bytes(4, "big")
    built[_CRC : _CRC + 4] = calc_crc32c(bytes(built[_ATTRIBUTES:])).to_bytes(4, "big")
    return bytes(built)


class _Log:
    """Batches of one partition, read as aiokafka reads them: its own FetchResult moves on."""

    active, paused = True, False  # an assignment, and the state of its partition

    def __init__(self, batches: dict[int, bytes], position: int = 0) -> None:
        """``batches`` by the offset behind each."""
        self.batches, self.position = batches, position

    def state_value(self, _tp: TopicPartition) -> _Log:
        return self

    def consumed_to(self, position: int) -> None:
        self.position = position

    def fetch(self) -> Any:
        """Return all batches that hold the position, or come later, as a broker does."""
        raw = b"".join(packed for behind, packed in self.batches.items() if behind > self.position)
        tp, untyped = TopicPartition("requests", 3), cast("Any", fetcher)
        records = untyped.PartitionRecords(
            tp, untyped.MemoryRecords(raw), [], self.position, None, None,
            check_crcs=True, isolation_level=untyped.READ_COMMITTED,
        )  # fmt: skip
        return untyped.FetchResult(tp, assignment=self, partition_records=records, backoff=0)

    def fetch_all(self) -> list[int]:
        """Return the offsets of one fetch that a consumer gets in one portion."""
        return [record.offset for record in self.fetch().getall()]


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


@pytest.mark.parametrize("tail", [b"\x01", b"\x00\x01", b"\x00\x00\x01"])
def test_a_length_that_is_cut_short_is_damage(tail: bytes) -> None:
    with pytest.raises(BatchError, match="broken snappy"):
        decode("snappy", encode("snappy", b"some text " * 50) + tail)


def test_the_time_for_gzip_grows_with_its_members_and_not_with_their_square() -> None:
    member = gzip.compress(b"")

    def seconds(members: int) -> float:
        started = time.process_time()
        assert not decode("gzip", member * members)
        return time.process_time() - started

    few, many = (min(seconds(members) for _ in range(3)) for members in (5_000, 40_000))
    assert many / few < 20, "eight times as many: the square takes 48 times as long"


@pytest.mark.usefixtures("tolerant")
@pytest.mark.parametrize("name", NAMES)
def test_a_reader_ends_with_one_line_that_names_the_batch(name: str) -> None:
    log = _Log({12: batch(name, bomb(name), first=7, records=5)}, position=7)
    with pytest.raises(
        BrokerError, match=r"requests\[3\]: the batch of records at offset 7 .* at offset 12"
    ) as why:
        log.fetch_all()
    assert str(why.value).isprintable()


@pytest.mark.usefixtures("tolerant")
@pytest.mark.parametrize("at_once", [None, 2])
def test_what_is_before_such_a_batch_in_a_fetch_is_read_and_what_is_behind_is_left(
    at_once: int | None,
) -> None:
    good, bad = batch("zstd", first=0, records=3), batch("zstd", bomb("zstd"), first=3, records=2)
    log = _Log({3: good, 5: bad, 6: batch("zstd", first=5)})
    fetch, found = log.fetch(), []
    while fetch.has_more():
        found += [record.offset for record in fetch.getall(at_once)]
    assert found == [0, 1, 2]
    assert log.position == 3
    for _ in range(2):  # whoever reads on meets it again
        with pytest.raises(BrokerError, match=r"at offset 3 .* at offset 5"):
            log.fetch_all()
    log.position = 5
    assert log.fetch_all() == [5]


@pytest.mark.usefixtures("tolerant")
def test_what_is_before_such_a_batch_is_read_one_by_one() -> None:
    bad = batch("zstd", bomb("zstd"), first=2, records=2)
    log = _Log({2: batch("zstd", records=2), 4: bad})
    fetch = log.fetch()
    assert [getattr(fetch.getone(), "offset", None) for _ in range(3)] == [0, 1, None]
    assert (log.position, fetch.has_more()) == (2, False)
    with pytest.raises(BrokerError, match="at offset 2 "):
        log.fetch().getone()


@pytest.mark.usefixtures("tolerant")
def test_a_fetch_of_many_batches_is_read_in_portions() -> None:
    size = MOST_BYTES // 2 - 1_000
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0,
        producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=MOST_BYTES,
    )  # fmt: skip
    builder.append(0, timestamp=1000, key=None, value=bytes(size), headers=[])
    packed = encode("zstd", bytes(builder.build()[_RECORDS:]))
    log = _Log({i + 1: batch("zstd", packed, first=i) for i in range(8)})
    portions = []
    tracemalloc.start()
    try:
        while log.position < 8:
            portions.append(log.fetch_all())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert portions == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert peak < 4 * MOST_BYTES


@pytest.mark.usefixtures("tolerant")
@pytest.mark.parametrize("most", [1, 400, 1_000, 1_500, 10_000])
def test_a_fetch_that_ends_within_a_batch_skips_no_record_and_reads_none_twice(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetched_records, "MOST_BYTES", most)
    log = _Log({first + 5: batch("lz4", first=first, records=5) for first in range(0, 20, 5)})
    portions = []
    while log.position < 20:
        portions.append(log.fetch_all())
    assert [offset for portion in portions for offset in portion] == [*range(20)]
    a_record = fetched_records.RECORD_BYTES + 94  # with its key, its value and its header, at most
    assert max(map(len, portions)) <= most // (a_record - 2) + 1
