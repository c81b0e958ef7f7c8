"""Files in other encodings and framings hold the same records."""

from __future__ import annotations

import json

import pytest

from stream.tools.replay.files import batches

ROWS = [{"n": n, "text": f"Wörter {n} \u201e\U0001f600\u201c }}{{"} for n in range(300)]
PROTOBUF = b"\n\x02\x12\x00\n\x00"


def records(path, data):
    path.write_bytes(data)
    return [record.value for batch in batches([path]) for record in batch]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("between", ["\n", "\r\n", "", "\n\n"])
def test_lines_and_joined_objects(tmp_path, encoding, between):
    text = between.join(json.dumps(row, ensure_ascii=False) for row in ROWS)
    found = records(tmp_path / "log.jsonl", text.encode(encoding))
    assert [json.loads(value) for value in found] == ROWS


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_arrays_and_tables(tmp_path, encoding):
    found = records(tmp_path / "log.json", json.dumps(ROWS).encode(encoding))
    assert [json.loads(value) for value in found] == ROWS
    found = records(tmp_path / "log.csv", "a,b\n1,ö\n".encode(encoding))
    assert [json.loads(value) for value in found] == [{"a": "1", "b": "ö"}]


@pytest.mark.parametrize("name", ["export.binpb", "export.pb", "export.jsonl"])
def test_an_export_as_protobuf_is_one_record(tmp_path, name):
    assert records(tmp_path / name, PROTOBUF) == [PROTOBUF]


def test_json_after_a_line_break_is_no_protobuf(tmp_path):
    assert records(tmp_path / "log.jsonl", b'\n{"a": 1}\n{"b": 2}\n') == [b'{"a": 1}', b'{"b": 2}']


def test_what_is_no_text_in_its_encoding_is_left_to_intake(tmp_path):
    assert len(records(tmp_path / "log.jsonl", b"\xff\xfe{\x00\x00\xd8\n\x00")) == 1
