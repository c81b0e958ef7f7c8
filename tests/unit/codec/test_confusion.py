"""Which format is taken for which: the confusion matrix of all samples and their mutations."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest

from stream.intake.codec.otlp import is_protobuf
from stream.metrics import Metrics
from testlib.traffic.gateway_samples import FORMATS, PROTOBUF, counts, decode, of

ALL = [(format_, row) for format_ in FORMATS for row in of(format_, other=True)]
#: One object of each format, and what it looks like inside a text.
ONE = {format_: of(format_)[0] for format_ in FORMATS}
EVERYTHING = json.dumps(list(ONE.values()))


def shuffled(row, seed):
    keys = list(row)
    random.Random(seed).shuffle(keys)
    return {key: row[key] for key in keys}


def escaped(row):
    """Return an object's text with the first letter of every key written as an escape."""
    text = json.dumps(row)
    for key in sorted(row, key=len, reverse=True):
        text = text.replace(f'"{key}": ', f'"\\u{ord(key[0]):04x}{key[1:]}": ', 1)
    return text


MUTATIONS: dict[str, Any] = {
    "as it is": json.dumps,
    "reversed": lambda row: json.dumps(dict(reversed(row.items()))),
    "compact": lambda row: json.dumps(row, separators=(",", ":")),
    "indented": lambda row: json.dumps(row, indent=2),
    "in an array": lambda row: json.dumps([row]),
    "keys escaped": escaped,
    "not ASCII": lambda row: json.dumps({"ünknown": "ß"} | row, ensure_ascii=False),
    "texts of others first": lambda row: json.dumps({"note": EVERYTHING} | row),
    "texts of others last": lambda row: json.dumps(row | {"note": EVERYTHING}),
    "others inside, first": lambda row: json.dumps({"extra": ONE} | row),
    "others inside, last": lambda row: json.dumps(row | {"extra": list(ONE.values())}),
    **{
        f"shuffled {seed}": lambda row, seed=seed: json.dumps(shuffled(row, seed))
        for seed in range(5)
    },
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_no_format_is_taken_for_another(mutation):
    confusion: Counter[tuple[str, str]] = Counter()
    expected: Counter[tuple[str, str]] = Counter()
    for format_, row in ALL:
        metrics = Metrics()
        decode(MUTATIONS[mutation](row).encode(), metrics=metrics)
        found = {name for name, _ in counts(metrics)}
        confusion.update((format_, name) for name in found)
        expected[format_, format_] += 1
    assert confusion == expected


def test_a_mixed_topic_is_decoded_as_its_parts_are():
    records = [json.dumps(row).encode() for _, row in ALL] + [PROTOBUF]
    random.Random(7).shuffle(records)
    metrics = Metrics()
    together = decode(*records, metrics=metrics)
    apart = [decode(record) for record in records]
    assert together.events == [event for part in apart for event in part.events]
    assert [r.reason for r in together.rejects] == [r.reason for p in apart for r in p.rejects]
    assert {name for name, _ in counts(metrics)} == set(FORMATS)


def test_an_array_may_mix_formats():
    rows = [row for _, row in ALL]
    random.Random(3).shuffle(rows)
    decoded = decode(json.dumps(rows).encode())
    apart = [event for row in rows for event in decode(json.dumps(row).encode()).events]
    assert decoded.events == apart


@pytest.mark.parametrize("format_", FORMATS)
def test_auto_finds_what_the_fixed_format_finds(format_):
    records = [json.dumps(row).encode() for row in of(format_, other=True)]
    assert decode(*records).events == decode(*records, format=format_).events


@pytest.mark.parametrize("format_", FORMATS)
def test_a_fixed_format_takes_no_other(format_):
    for other, row in ALL:
        if other != format_:
            decoded = decode(json.dumps(row).encode(), format=format_)
            assert (decoded.events, len(decoded.rejects)) == ([], 1)


@pytest.mark.parametrize(
    "text", [b"\n{}", b"\n[]", b'\n{\n"a": 1}', b"\n\n", b"\n", b'\n {"x":[]}']
)
def test_json_after_a_line_break_is_not_protobuf(text):
    assert not is_protobuf(text)


def test_protobuf_is_known_by_its_frame_and_a_cut_one_is_not():
    assert is_protobuf(PROTOBUF)
    assert not is_protobuf(PROTOBUF[:-1])
    assert not is_protobuf(PROTOBUF + b"x")
