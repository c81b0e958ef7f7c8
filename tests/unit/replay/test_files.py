"""Every kind of file gives the records that its rows are."""

from __future__ import annotations

import gzip
import io
import json
import lzma
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from stream.core.errors import UsageError
from stream.intake.codec.decoder import Decoder
from stream.intake.codec.settings import IntakeSettings
from stream.metrics import Metrics
from stream.tools.replay.files import batches
from stream.tools.replay.json_values import values

ROWS = [{"timestamp": 1.76e9 + i, "account_id": f"a{i}", "model": 'é"]}\\'} for i in range(5)]
PACKED: dict[str, Any] = {
    "": bytes,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}
LAYOUTS = {
    "lines": "\n".join(map(json.dumps, ROWS)),
    "lines with gaps": "\r\n\n".join(map(json.dumps, ROWS)) + "\n\n",
    "an array": json.dumps(ROWS),
    "an array over lines": json.dumps(ROWS, indent=2, ensure_ascii=False),
    "objects over lines": "\n".join(json.dumps(row, indent=1) for row in ROWS),
    "an array on each line": f"{json.dumps(ROWS[:2])}\n{json.dumps(ROWS[2:])}\n",
}


def read(*paths):
    advanced = []
    records = [record for batch in batches(paths, advance=advanced.append) for record in batch]
    assert [record.offset for record in records] == list(range(len(records)))
    assert sum(advanced) == sum(path.stat().st_size for path in paths)
    return [json.loads(record.value) for record in records]


def decoded(path):
    [records] = batches([path])
    found = Decoder(IntakeSettings(), Metrics()).decode(records, now_s=1.77e9)
    assert found.rejects == []
    return found.events


def written(text):
    return list(values(io.BufferedReader(io.BytesIO(text))))


@pytest.mark.parametrize("suffix", PACKED)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_json_in_every_layout_and_compression(tmp_path, layout, suffix):
    path = tmp_path / f"x.jsonl{suffix}"
    path.write_bytes(PACKED[suffix](LAYOUTS[layout].encode()))
    assert read(path) == ROWS
    assert read(path, path) == ROWS * 2


def test_values_longer_than_a_chunk(monkeypatch):
    monkeypatch.setattr("stream.tools.replay.json_values._CHUNK_BYTES", 7)
    for text in LAYOUTS.values():
        assert list(map(json.loads, written(text.encode()))) == ROWS


@given(
    st.lists(st.dictionaries(st.text('ab[]{},"\\\n', max_size=3), st.text('é]}",\\', max_size=3)))
)
def test_any_array_is_its_elements(rows):
    text = json.dumps(rows, indent=1, ensure_ascii=False).encode()
    assert list(map(json.loads, written(text))) == rows


def test_what_is_broken_is_one_value_and_harms_only_what_follows():
    assert written(b'[{"a": 1}, {"b": oops},\n{"c": 2}]') == [
        b'{"a": 1}',
        b'{"b": oops},',
        b'{"c": 2}]',
    ]
    assert written(b'[{"a": 1}') == [b'{"a": 1}']
    assert written(b"[" * 100_000)[0][:2] == b"[["


@pytest.mark.parametrize("text", [b"", b" \n ", b"[]", b"[ ]\n[]"])
def test_nothing_is_nothing(text):
    assert written(text) == []


CSV = """\
timestamp,account_id,model,input_tokens,stream,temperature,prompt,status
1760000000.5,007,m,25,true,0.2,"two
lines, ""quoted"" é",200
2025-10-09T08:53:20Z,008,m,,FALSE,,,
"""


@pytest.mark.parametrize("suffix", PACKED)
def test_csv_with_a_header(tmp_path, suffix):
    path = tmp_path / f"x.csv{suffix}"
    path.write_bytes(PACKED[suffix](CSV.encode("utf-8-sig")))
    first, second = decoded(path)
    assert (first.timestamp, first.account_id, first.input_tokens) == (1_760_000_000.5, "007", 25)
    assert (first.stream, first.temperature, first.status) == (True, 0.2, 200)
    assert first.prompt == 'two\nlines, "quoted" é'
    assert (second.timestamp, second.stream, second.input_tokens) == (1_760_000_000.0, False, None)


def test_csv_of_a_gateway_has_its_columns(tmp_path):
    path = tmp_path / "x.csv"
    body = json.dumps({"messages": [{"role": "user", "content": "hello"}]}).replace('"', '""')
    path.write_text(
        "created_at,request.body,ai_model,req_units,res_units,response_time,metadata._user\n"
        f'2025-10-09T08:53:20Z,"{body}",gpt-4o,25,12,1500,customer-42\n'
    )
    [event] = decoded(path)
    assert (event.account_id, event.input_tokens, event.duration_s) == ("customer-42", 25, 1.5)
    assert event.prompt == "hello"


def test_csv_rows_that_do_not_fit_are_rejected_and_long_cells_are_none(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(f"timestamp,account_id,model\n1,2,3,4,5\n1760000000,{'a' * 200_000},m\n")
    [records] = batches([path])
    found = Decoder(IntakeSettings(), Metrics()).decode(records, now_s=1.77e9)
    assert [reject.reason for reject in found.rejects] == ["not_json", "out_of_range"]


def test_parquet(tmp_path):
    path = tmp_path / "x.parquet"
    when = [datetime(2025, 10, 9, 8, 53, 20, 500_000), None]  # noqa: DTZ001 - no zone: UTC
    table = pa.table(
        {
            "timestamp": pa.array([when[0], when[0]], pa.timestamp("ns")),
            "account_created_at": pa.array([when[0], None], pa.timestamp("ms", "Europe/Berlin")),
            "account_id": ["a", "b"],
            "model": pa.array(["m", "m"]).dictionary_encode(),
            "input_tokens": pa.array([25, None], pa.int64()),
            "duration_s": pa.array([Decimal("1.5"), None]),
            "stream": [True, None],
            "extra": [{"deep": [1]}, None],
        }
    )
    parquet.write_table(table, path)
    first, second = decoded(path)
    first_at = when[0]
    assert first_at is not None
    assert first.timestamp == second.timestamp == first_at.replace(tzinfo=UTC).timestamp()
    assert (first.account_created_at, second.account_created_at) == (first.timestamp, None)
    assert (first.input_tokens, first.duration_s, first.stream) == (25, 1.5, True)
    assert (second.account_id, second.input_tokens) == ("b", None)
    assert len(read(path)) == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.parquet", b"PAR1 but no more"),
        ("x.csv", b'a,b\n"' + b"x" * 20_000_000),
        ("x.jsonl.gz", b"\x1f\x8b rest"),
    ],
)
def test_a_damaged_file_is_one_error_with_its_name(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"x\.") as caught:
        list(batches([path]))
    assert len(str(caught.value).splitlines()) == 1
