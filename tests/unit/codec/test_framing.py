"""The same records, however they are encoded, packed and put together."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from stream.intake.codec.framing import elements, repaired
from testlib.traffic.gateway_samples import PROTOBUF, decode, known, of

ROWS = [of("litellm")[0], of("canonical")[0], of("kong")[0]]
ROWS[0] = ROWS[0] | {"messages": '} { Wörter: \u201e\U0001f600\u201c }{ \\ " }'}
PARTS = [known(event) for event in decode(*(json.dumps(row).encode() for row in ROWS)).events]

FRAMES = {
    "lines": "\n".join(map(json.dumps, ROWS)),
    "lines of Windows": "\r\n".join(map(json.dumps, ROWS)),
    "array": json.dumps(ROWS),
    "joined": "".join(map(json.dumps, ROWS)),
    "joined by blanks": " ".join(map(json.dumps, ROWS)),
    "joined by tabs": "\t".join(map(json.dumps, ROWS)),
    "joined and a line": json.dumps(ROWS[0]) + json.dumps(ROWS[1]) + "\n" + json.dumps(ROWS[2]),
    "joined, pretty": "".join(json.dumps(row, indent=1) for row in ROWS),
    "lines, pretty between": "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "not ASCII": "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS),
    "joined, not ASCII": "".join(json.dumps(row, ensure_ascii=False) for row in ROWS),
}
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
PACKED: dict[str, Any] = {
    "plain": bytes,
    "zstd": zstandard.ZstdCompressor().compress,
    "frames of zstd": lambda value: b"".join(
        zstandard.ZstdCompressor().compress(part) for part in (value[:99], value[99:])
    ),
    "gzip": gzip.compress,
}


def encoded(text, encoding):
    if encoding in {"utf-16-le", "utf-16-be"} and text[0] not in "{[":
        return None
    return text.encode(encoding)


@pytest.mark.parametrize("packed", PACKED)
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("frame", FRAMES)
def test_the_events_are_the_same(frame, encoding, packed):
    decoded = decode(PACKED[packed](FRAMES[frame].encode(encoding)))
    assert decoded.rejects == []
    assert [known(event) for event in decoded.events] == PARTS


@pytest.mark.parametrize(
    "value", [b"[]", b" [ ]\n", b"\xef\xbb\xbf[]", b"[\n]", gzip.compress(b"[]", mtime=0)]
)
@pytest.mark.parametrize("format_", ["auto", "litellm", "canonical", "otlp", "kong"])
def test_an_empty_array_is_nothing(value, format_):
    decoded = decode(value, format=format_)
    assert (decoded.events, decoded.rejects, decoded.ignored) == ([], [], 1)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"\xef\xbb\xbf", "empty"),
        (b"\xff\xfe", "empty"),
        (b"\xef\xbb\xbf{", "not_json"),
        (b"{\x00", "not_json"),
        (b"\xff\xfe{", "not_utf8"),
        (b"\xff\xfe\x00\xd8", "not_utf8"),
        (b"\x28\xb5\x2f\xfd", "not_json"),
        (b"\x1f\x8b\x08" + b"x" * 30, "not_json"),
        (gzip.compress(b"x" * 2_000_000, mtime=0), "too_large"),
        (zstandard.ZstdCompressor().compress(b"x" * 2_000_000), "too_large"),
        (zstandard.ZstdCompressor().compress(b"[" * 50)[:-3], "not_json"),
        (gzip.compress(json.dumps(ROWS).encode(), mtime=0)[:-9], "not_json"),
        (json.dumps(ROWS[1]).encode() + b"}", "not_json"),
        (json.dumps(ROWS[1]).encode() + b"{", "not_json"),
        (json.dumps(ROWS[1]).encode() + b",{}", "not_json"),
    ],
    ids=lambda value: repr(value[:20]) if isinstance(value, bytes) else value,
)
def test_what_is_broken_is_a_reject(value, reason):
    decoded = decode(value)
    assert decoded.events == []
    assert [reject.reason for reject in decoded.rejects] == [reason]
    assert decoded.rejects[0].record.value == value


def test_a_packed_export_of_spans_is_read():
    plain, packed = decode(PROTOBUF), decode(gzip.compress(PROTOBUF))
    assert packed.events == plain.events


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=3), min_size=1))
def test_joined_objects_come_apart_whatever_their_text(rows):
    parts = [json.dumps(row).encode() for row in rows]
    for between in (b"", b" ", b"\n", b"\r\n\t"):
        assert [json.loads(part) for part in elements(between.join(parts), 10**6)] == rows


@given(st.recursive(st.text(max_size=9) | st.integers(), st.lists, max_leaves=5))
def test_repairing_changes_no_json_that_is_right(value):
    text = json.dumps({"NaN": value, "-Infinity": ["1e999", value]}, ensure_ascii=False).encode()
    assert json.loads(repaired(text)) == json.loads(text)


@pytest.mark.parametrize("text", [b'"' + b'\\"' * 300_000, b'{"a' * 100_000, b"1" * 600_000 + b"e"])
def test_repairing_does_not_stall(text):
    repaired(b"NaN" + text)  # would take minutes if it looked at what follows again and again
