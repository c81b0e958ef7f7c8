"""Data sets of every format give their texts with the numbers of their rows, and bounded work."""

import csv
import gzip
import io
import json
import lzma
import os
import resource
import struct
import tracemalloc
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from pyarrow import parquet

from stream.core.errors import UsageError
from stream.tools.replay import dataset, dataset_rows
from stream.tools.replay.bounded_memory import bounded_memory
from stream.tools.replay.compressed import opened
from stream.tools.replay.dataset import DatasetReader

ONE = "the first answer, which is long enough to be traced"
TWO = "a second answer with\na line of its own, and a comma"


def read(path: Path, *columns: str):
    reader = DatasetReader(path, columns)
    found = [
        (int(row), text)
        for portion in reader.portions()
        for row, text in zip(portion.rows, portion.texts, strict=True)
    ]
    return reader, found


def lines(*values: object) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def test_json_lines_by_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_bytes(lines({"output": ONE}) + b"\n" + b"{broken\n" + lines({"output": TWO, "n": 1}))
    reader, found = read(path)
    assert found == [(1, ONE), (4, TWO)]
    assert (reader.rows, reader.unread, reader.format, reader.rows_are) == (3, 1, "json", "lines")


def test_conversations_and_nested_json(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": ONE}, {"role": "assistant", "content": TWO}]
    path = tmp_path / "set.jsonl"
    path.write_bytes(
        lines({"messages": turns}, {"conversations": json.dumps(turns)}, {"x": [{"y": {"z": ONE}}]})
    )
    assert read(path)[1] == [(1, ONE), (1, TWO), (2, ONE), (2, TWO), (3, ONE)]


def test_chosen_columns(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_bytes(lines({"prompt": ONE, "output": TWO}, {"prompt": ONE}, "no object " * 9))
    assert read(path, "output")[1] == [(1, TWO)]


def test_json_arrays_by_their_values(tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    path.write_text(json.dumps([{"output": ONE}, {"output": TWO}], indent=2))
    reader, found = read(path)
    assert found == [(1, ONE), (2, TWO)]
    assert reader.rows_are == "values"


def test_csv_by_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    text = io.StringIO()
    csv.writer(text).writerows([["id", "output"], ["1", TWO], ["2", ONE]])
    path.write_text(text.getvalue())
    assert [row for row, _ in read(path)[1]] == [1, 2]
    assert read(path)[1][1] == (2, ONE)


def test_parquet_by_its_rows(tmp_path: Path) -> None:
    turns = [[{"role": "assistant", "content": ONE}], [{"role": "assistant", "content": TWO}]]
    path = tmp_path / "set.parquet"
    parquet.write_table(pa.table({"messages": turns, "n": [1, 2]}), path)
    reader, found = read(path)
    assert found == [(1, ONE), (2, TWO)]
    assert reader.format == "parquet"


def test_text_by_the_first_line_of_each_block(tmp_path: Path) -> None:
    path = tmp_path / "set.txt"
    path.write_text(f"\n{ONE}\nand a second line of it\n\n\n{TWO}\n")
    assert [row for row, _ in read(path)[1]] == [2, 6]


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        (".gz", gzip.compress),
        (".xz", lzma.compress),
        (".zst", lambda data: zstandard.ZstdCompressor().compress(data)),
    ],
)
def test_compressed(tmp_path: Path, suffix, compress) -> None:
    path = tmp_path / f"set.jsonl{suffix}"
    path.write_bytes(compress(lines({"output": ONE})))
    assert read(path)[1] == [(1, ONE)]
    whole = path.read_bytes()
    path.write_bytes(compress(lines({"output": ONE}) * 10_000)[: len(whole) // 2 + 20])
    with pytest.raises(UsageError, match="cannot be read"):
        read(path)


def test_equal_rows_are_read_once(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_bytes(lines({"output": ONE}) * 50_000 + lines({"output": TWO}))
    reader, found = read(path)
    assert found == [(1, ONE), (50_001, TWO)]
    assert (reader.rows, reader.repeated) == (50_001, 49_999)


def test_a_row_of_a_hundred_megabytes_is_counted_and_passed(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    with path.open("wb") as file:
        file.write(lines({"output": ONE}) + b'{"output":"')
        for _ in range(100):
            file.write(b"many " * 200_000)
        file.write(b'"}\n' + lines({"output": TWO}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    reader, found = read(path)
    assert found == [(1, ONE), (3, TWO)]
    assert reader.unread == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def runs_of(words: list[str]) -> list[str]:
    return [" ".join(words[n : n + 8]) for n in range(len(words) - 7)]


def test_a_long_text_is_read_in_parts(tmp_path: Path) -> None:
    words = [f"word{n}" for n in range(40_000)]
    path = tmp_path / "set.jsonl"
    path.write_bytes(lines({"output": " ".join(words)}))
    found = [text for _, text in read(path)[1]]
    assert len(found) > 4
    runs = {run for text in found for run in runs_of(text.split())}
    assert {*runs_of(words)} <= runs


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("set.bin", os.urandom(5000) + b"\0", "binary; expected JSON, CSV, Parquet or text"),
        ("set.parquet", b"PAR1 and no more", "not Parquet"),
        ("set.json", b"PAR1" + bytes(500) + b"PAR1", "not Parquet"),
        ("set.csv", b'id,output\n1,"' + b"x " * 9_000_000, "cannot be read: field larger"),
        ("set.jsonl.gz", b"no gzip", "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_no_data_set_ends_in_one_line(tmp_path: Path, name, content, why) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError, match=why):
        read(path)


def test_no_file_or_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        DatasetReader(tmp_path / "missing.jsonl")
    (tmp_path / "empty.jsonl").touch()
    assert read(tmp_path / "empty.jsonl")[1] == []


def test_a_parquet_file_that_unfolds_to_gigabytes_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(dataset, "bounded_memory", partial(bounded_memory, 2**28))
    path = tmp_path / "set.parquet"
    one = pa.array(["word " * 1_000_000])
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), one)
    parquet.write_table(pa.table({"output": column}), path, compression="zstd")
    assert path.stat().st_size < 100_000
    with pytest.raises(UsageError, match="too much memory"):
        read(path)


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".txt"])
@pytest.mark.parametrize("content", [b"0", b" ", b"\n", b"[ ", b"a,b\n\n"])
def test_a_small_file_of_endless_bytes_is_refused(
    tmp_path: Path, monkeypatch, suffix, content
) -> None:
    monkeypatch.setattr(dataset_rows, "_MUCH_BYTES", 2**22)
    path = tmp_path / f"set{suffix}.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(content + content[-1:] * 2**24))
    with pytest.raises(UsageError, match="decompresses to more than 1,000 times its size"):
        read(path)


def test_a_small_compressed_file_fills_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl.zst"
    path.write_bytes(zstandard.ZstdCompressor(level=19).compress(bytes(2**29)))
    assert path.stat().st_size < 2**17
    with opened(path) as (_, file):
        tracemalloc.start()
        file.read(1000)
        assert tracemalloc.get_traced_memory()[1] < 2**27
        tracemalloc.stop()


def test_a_table_whose_one_row_has_no_end_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(dataset, "bounded_memory", partial(bounded_memory, 2**26))
    path = tmp_path / "set.csv"
    path.write_bytes(b"id,output\n" + b"1," * 2**26)
    with pytest.raises(UsageError, match="too much memory"):
        read(path)


def test_cells_that_python_cannot_hold_hide_no_others(tmp_path: Path) -> None:
    texts = [b"\xff" + ONE.encode(), ONE.encode()]
    ends = struct.pack("<3i", 0, len(texts[0]), len(texts[0]) + len(texts[1]))
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(texts))]
    damaged = pa.Array.from_buffers(pa.string(), 2, buffers)
    time = pa.timestamp("us")
    path = tmp_path / "set.parquet"
    for name, column in {
        "text": damaged,
        "texts": pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), damaged),
        "struct": pa.StructArray.from_arrays([damaged], ["text"]),
        "time": pa.array([2**62, 1], time),
        "times": pa.array([[2**62], [1]], pa.list_(time)),
        "day": pa.array([2**30, 1], pa.date32()),
        "zone": pa.array([1, 2], pa.timestamp("us", tz="Nowhere/Else")),
        "nanoseconds": pa.array([{"x": 1}] * 2, pa.struct([("x", pa.timestamp("ns"))])),
    }.items():
        parquet.write_table(pa.table({name: column, "output": pa.array([TWO, TWO + "!"])}), path)
        found = read(path)[1]
        assert {(1, TWO), (2, TWO + "!")} <= {*found}
        if "te" in name or name == "struct":
            assert {(1, "\ufffd" + ONE), (2, ONE)} <= {*found}


def test_a_small_file_of_endless_empty_rows_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(dataset, "_MANY_ROWS", 10_000)
    path = tmp_path / "set.parquet"
    parquet.write_table(pa.table({"output": pa.nulls(1_000_000, pa.string())}), path)
    assert path.stat().st_size < 10_000
    with pytest.raises(UsageError, match="rows: split it"):
        read(path)
