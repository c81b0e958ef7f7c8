"""State and packets of an earlier version that someone forged: refused at once, in one short line.

Migrations decode without types, so they meet any type anywhere; a schema and a checkpoint record
may have any number and any text.
"""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import msgspec
import pytest

from stream.core.errors import LostPartError, NewerVersionError, PacketError, StateError
from stream.core.packets import unpack
from stream.metrics import Metrics
from stream.pipeline.build import task_of
from stream.settings import Settings
from stream.worker.changelog import CHECKPOINT, ROW, SCHEMA
from testlib.frozen_state import TOPICS, read
from testlib.paths import SAMPLES

SETTINGS = replace(Settings().stages, tasks=1)
ROLES = ("events", "links", "findings")
FROZEN = read(SAMPLES / "state" / "state-4.msgpack.xz")
HOSTILE = "9.9\x1b[2J\r\n2026-03-02 ERROR all state was deleted \u202e"
ODD = (None, True, -1, 2**64 - 1, 1e300, math.nan, "", b"", b"\xff" * 72, [], [[]], {}, {1: 2})


def new(role):
    return task_of(role, SETTINGS, 0, Metrics(strict=False))


def one_short_line(error: Exception) -> None:
    assert str(error).isprintable()
    assert len(str(error)) < 700


def forged(content, random: Random):
    """Return decoded content with another value somewhere, at any depth."""
    if content and random.random() < 0.85:
        if isinstance(content, list | tuple):
            at = random.randrange(len(content))
            return [*content[:at], forged(content[at], random), *content[at + 1 :]]
        if isinstance(content, dict):
            name = random.choice([*content])
            return content | {name: forged(content[name], random)}
        if isinstance(content, bytes) and random.random() < 0.5:
            return random.choice([content[:-1], content + b"\0", random.randbytes(len(content))])
    return random.choice(ODD)


@pytest.mark.parametrize("role", ROLES)
def test_a_forged_packet_of_an_earlier_version_is_a_packet_error(role):
    random, refused = Random(1), 0
    found = [msgspec.msgpack.decode(value) for _, value in FROZEN.packets[role]]
    for _ in range(600):
        content = forged(random.choice(found), random)
        if not isinstance(content, dict):
            continue
        try:
            unpack(msgspec.msgpack.encode(content | {"version": 11}))
        except (PacketError, NewerVersionError) as error:
            one_short_line(error)
            refused += 1
    assert refused > 200


@pytest.mark.parametrize("role", ROLES)
def test_a_forged_row_of_an_earlier_version_loses_its_part_alone(role):
    random, lost = Random(2), 0
    records = FROZEN.state[TOPICS[role]]
    (schema,) = (value for key, value in records if key[:1] == SCHEMA)
    (checkpoint,) = (value for key, value in records if key[:1] == CHECKPOINT)
    rows = {key[1:2]: (key[1:], value) for key, value in records if key[:1] == ROW and value}
    task = new(role)  # for all: rows that were taken are in nobody's way
    for key, value in random.choices([*rows.values()], k=120):
        try:
            row = msgspec.msgpack.encode(forged(msgspec.msgpack.decode(value), random))
        except (msgspec.MsgspecError, UnicodeDecodeError):  # columns, no msgpack
            row = forged(value, random)
        try:
            task.check(schema)
            task.load([(key, row if isinstance(row, bytes) else b"")])
            task.restore(checkpoint)
        except LostPartError as error:
            one_short_line(error)
            lost += 1
    assert lost > 30


@pytest.mark.parametrize("version", [-1, -(2**30), 0])
@pytest.mark.parametrize("role", ROLES)
def test_a_version_before_all_versions_takes_no_time(role, version):
    task = new(role)
    schema = msgspec.msgpack.decode(task.schema())
    for part in schema["parts"].values():
        part["version"] = version
    if version < 0:
        with pytest.raises(StateError, match="unreadable"):
            task.check(msgspec.msgpack.encode(schema))
        return
    assert not task.check(msgspec.msgpack.encode(schema))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("text", [HOSTILE, "A" * 1_000_000])
def test_the_text_of_a_schema_forges_no_line(role, text):
    task = new(role)
    own = msgspec.msgpack.decode(task.schema())
    schemas = [
        own | {"version": 6, "written_by": text},
        own | {"stage": text},
        own | {"layout": {"windows.window_s": text}},
        own | {"layout": own["layout"] | {text: ""}, "version": 6},
        own | {"parts": own["parts"] | {text: {"version": 1, "layout": {}}}},
    ]
    for schema in schemas:
        with pytest.raises(StateError) as caught:
            task.check(msgspec.msgpack.encode(schema))
        one_short_line(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"output_watermark": math.nan},
        {"output_watermark": 1e300},
        {"resume_offset": -1},
        {"expected_sources": 2**62},
        {"next_unread": -1},
        {"sources": {0: (math.nan, 0.0, "")}},
        {"sources": {0: (0.0, math.inf, "")}},
        {"sources": {2**40: (0.0, 0.0, "")}},
    ],
    ids=str,
)
def test_a_checkpoint_record_with_numbers_that_cannot_be_is_not_believed(wrong):
    task = new("events")
    names = ("output_watermark", "resume_offset", "expected_sources", "sources", "next_unread")
    record = msgspec.msgpack.decode(task.checkpoint_record())
    assert {*names} <= record.keys()
    task.check(task.schema())
    with pytest.raises(LostPartError, match="checkpoint"):
        task.restore(msgspec.msgpack.encode(record | wrong))
