"""A body becomes records of a size that topics take, and every object in it stays as it was."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.errors import DecodeError
from stream.http.bridge import cutting
from stream.http.bridge.cutting import cut

_raw = msgspec.json.Decoder(list[msgspec.Raw]).decode


def objects(count: int, size: int) -> list[dict[str, Any]]:
    return [{"n": n, "text": "x" * size} for n in range(count)]


def elements(records: list[bytes]) -> list[Any]:
    return [element for record in records for element in json.loads(record)]


@pytest.mark.parametrize("body", [b'{"a": 1}', b'[{"a": 1}] ', b'{"a":1}\n{"a":2}', b"[[]]"])
def test_what_fits_stays_as_it_is(body: bytes) -> None:
    assert cut(body) == [body.strip()]


@pytest.mark.parametrize("body", [b"[]", b" [ \n] ", b"[" + b" " * 600_000 + b"]"])
def test_an_empty_array_has_no_records(body: bytes) -> None:
    assert cut(body) == []


@pytest.mark.parametrize("lines", [False, True])
def test_a_long_body_becomes_arrays(lines: bool) -> None:  # noqa: FBT001
    sent = objects(1000, 12_000)
    body = "\n".join(map(json.dumps, sent)) if lines else json.dumps(sent)
    records = cut(body.encode())
    assert elements(records) == sent
    assert 20 < len(records) < 30
    assert max(map(len, records)) < 600_000


def test_a_long_object_stays_alone() -> None:
    sent = [*objects(2, 10), {"text": "y" * 700_000}, *objects(2, 10)]
    records = cut(json.dumps(sent).encode())
    assert elements(records) == sent
    assert [len(json.loads(record)) for record in records] == [2, 1, 2]


def test_invalid_unicode_of_a_client_stops_no_other() -> None:
    sent = json.dumps(objects(100, 12_000)).replace("xxx", "\\ud800", 1).encode()
    assert len(elements(cut(sent))) == 100


@pytest.mark.parametrize(
    "body",
    [b"", b"  ", b"hello", b"1", b'"{}"', b"\xff\xfe", b"[" * 600_000, b"[1," * 200_000],
    ids=["empty", "blank", "word", "number", "text", "bytes", "deep", "broken"],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError):
        cut(body)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=3), st.integers() | st.text()), max_size=40))
def test_no_element_is_lost_or_changed(sent: list[Any]) -> None:
    body = msgspec.json.encode([*sent, {"long": "z" * cutting._RECORD_BYTES}])
    whole = b"".join(cut(body))
    assert [bytes(raw) for record in cut(body) for raw in _raw(record)] == [
        bytes(raw) for raw in _raw(body)
    ]
    assert len(whole) < len(body) + 100


def test_the_longest_body_is_cut_in_no_time() -> None:
    body = json.dumps(objects(600, 12_000)).encode()
    began = time.process_time()
    cut(body)
    assert time.process_time() - began < 1.0  # about 0.02
