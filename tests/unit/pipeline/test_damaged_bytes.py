"""Damaged records of the internal topics and state logs end in one line of ours, whatever they say.

Who may write to those topics is trusted; what is read there need not be what was written.
"""

from __future__ import annotations

import json
import math
import tracemalloc
from dataclasses import replace
from random import Random

import msgspec
import numpy as np
import pytest

from stream.core.errors import NewerVersionError, PacketError, StateError
from stream.core.packets import Packet, unpack
from stream.core.records import Record
from stream.metrics import Metrics
from stream.pipeline.build import intake, task_of
from stream.settings import Settings

SETTINGS = replace(Settings().stages, tasks=1)
ROLES = ("events", "links", "findings")
ODD_NUMBERS = (0, -1, 2**31, -(2**62), 1e300, -1e300, math.inf, -math.inf, math.nan)
#: Announce four billion elements, bytes or characters, or nest for ever, in a few bytes.
BOMBS = (
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\x91" * 200_000,
    b"\x81\xa1x" + b"\x91" * 200_000,
    b"\x81\xa8accounts\xdd\xff\xff\xff\xff",
    b"\x81\xa7columns\xdf\xff\xff\xff\xff",
)


def new(role):
    return task_of(role, SETTINGS, 0, Metrics(strict=False))


@pytest.fixture(scope="module")
def written(ring_lines):
    """What reaches task 0 of each stage from an hour and a half of requests."""
    tasks = {role: new(role) for role in ROLES}
    found = {role: [] for role in ROLES}

    def carry(emissions):
        for emission in emissions:
            if emission.role in tasks and emission.partition == 0:
                found[emission.role].append(emission.value)
                carry(tasks[emission.role].feed(len(found[emission.role]) - 1, emission.value))

    source = intake(SETTINGS, topic="t", source_partitions=1, metrics=Metrics(strict=False))
    lines = [line for line in ring_lines if 60 < minute(line) < 150]
    for first in range(0, len(lines), 25):
        records = [Record(first + i, None, line) for i, line in enumerate(lines[first:][:25])]
        carry(source.process(0, records, now_s=2e9))
    return found


def minute(line: bytes) -> float:
    return (json.loads(line)["timestamp"] - 1_772_409_600.0) / 60


@pytest.fixture(scope="module")
def state(written):
    """Return role -> (rows, checkpoint, schema) after all of that."""
    found = {}
    for role in ROLES:
        task = new(role)
        for offset, value in enumerate(written[role]):
            task.feed(offset, value)
        found[role] = task.take_changes(), task.checkpoint_record(), task.schema()
    return found


def damaged(data: bytes, random: Random) -> bytes:
    """Return the bytes with a few changed, cut off, put in or taken out."""
    found = bytearray(data)
    at = random.randrange(len(found) + 1)
    some = random.randbytes(random.randrange(1, 6))
    how = random.randrange(4)
    if how == 0:
        found[at : at + len(some)] = some
    elif how == 1:
        del found[at:]
    elif how == 2:
        found[at:at] = some
    else:
        del found[at : at + len(some)]
    return bytes(found)


def odd(struct: msgspec.Struct, random: Random) -> msgspec.Struct:
    """Return a struct with a number in it that nobody would write."""
    name = random.choice(struct.__struct_fields__)
    value, number = getattr(struct, name), random.choice(ODD_NUMBERS)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return struct
    if isinstance(value, int):
        number = int(number) if math.isfinite(number) and abs(number) < 2**63 else 2**40
    return msgspec.structs.replace(struct, **{name: number})


def twisted(packet: Packet, random: Random) -> bytes:
    """Return a packet that can be decoded, and says what cannot be."""
    columns = dict(packet.columns)
    name = random.choice([*columns, ""])
    if name:
        how, length = random.randrange(4), len(columns[name])
        if how == 0:
            columns[name] = columns[name][: random.randrange(length + 1)]
        elif how == 1:
            columns[name] = random.randbytes(length)
        elif how == 2:
            value = float(random.choice(ODD_NUMBERS))
            columns[name] = np.full(length // 8, value).tobytes()
        else:
            del columns[name]
    kept = len(packet.accounts) if random.randrange(3) else random.randrange(2)
    changed = msgspec.structs.replace(
        packet,
        columns=columns,
        accounts=packet.accounts[:kept],
        observations=[odd(row, random) for row in packet.observations],
        turns=[odd(row, random) for row in packet.turns],
        groups=[odd(row, random) for row in packet.groups],
        turnovers=[odd(row, random) for row in packet.turnovers],
    )
    return msgspec.msgpack.encode(odd(changed, random) if random.randrange(2) else changed)


def put_back(task, rows, checkpoint: bytes, schema: bytes) -> None:
    task.check(schema)
    task.load(rows)
    task.restore(checkpoint)


def one_line(error: Exception) -> None:
    assert "\n" not in str(error)
    assert len(str(error)) < 500


@pytest.mark.parametrize("role", ROLES)
def test_a_damaged_record_is_a_packet_error(role, written) -> None:
    random, task = Random(1), new(role)
    refused = 0
    for offset, value in enumerate(random.choices(written[role], k=400)):
        try:
            task.feed(offset, damaged(value, random))
        except (PacketError, NewerVersionError) as error:
            one_line(error)
            refused += 1
    assert refused > 200


@pytest.mark.parametrize("role", ROLES)
def test_a_record_that_says_what_cannot_be_is_refused_or_taken(role, written) -> None:
    random, task = Random(2), new(role)
    refused = 0
    for offset, value in enumerate(random.choices(written[role], k=150)):
        try:
            task.feed(offset, twisted(unpack(value), random))
        except (PacketError, NewerVersionError) as error:
            one_line(error)
            refused += 1
    assert refused > 10
    task.take_changes()
    assert msgspec.msgpack.decode(task.checkpoint_record())["output_watermark"] < 1e11


@pytest.mark.parametrize("role", ROLES)
def test_damaged_state_is_a_state_error(role, state) -> None:
    rows, checkpoint, schema = state[role]
    # One task for all: rows that were taken are in nobody's way.
    task, random, refused = new(role), Random(3), 0
    for _ in range(240):
        some = random.sample(rows, min(len(rows), 5))
        which, at = random.randrange(4), random.randrange(len(some))
        key, row = some[at]
        if which == 0:
            some[at] = key, damaged(row or b"", random)
        elif which == 1:
            some[at] = damaged(key, random), row
        try:
            put_back(
                task,
                some,
                damaged(checkpoint, random) if which == 2 else checkpoint,
                damaged(schema, random) if which == 3 else schema,
            )
        except StateError as error:
            one_line(error)
            refused += 1
    assert refused > 60


@pytest.mark.parametrize("role", ROLES)
def test_bytes_that_announce_much_take_nothing(role, state) -> None:
    rows, checkpoint, schema = state[role]
    task = new(role)
    keys = {key[:1]: key for key, _ in rows}.values()
    attempts = [
        *((task.feed, (0, bomb), PacketError) for bomb in BOMBS),
        *((task.check, (bomb,), StateError) for bomb in BOMBS),
        *((task.restore, (bomb,), StateError) for bomb in BOMBS),
    ]
    tracemalloc.start()
    try:
        for call, arguments, expected in attempts:
            with pytest.raises(expected) as caught:
                call(*arguments)
            one_line(caught.value)
        for bomb in BOMBS[::3]:
            for key in keys:
                with pytest.raises(StateError):
                    put_back(new(role), [(key, bomb)], checkpoint, schema)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64_000_000


@pytest.mark.parametrize("watermark", [math.nan, math.inf, 1e300])
def test_a_mark_that_no_time_reaches_closes_nothing(watermark, written) -> None:
    task = new("events")
    packet = msgspec.structs.replace(unpack(written["events"][0]), watermark=watermark)
    with pytest.raises(PacketError, match="time out of range"):
        task.feed(0, msgspec.msgpack.encode(packet))
    assert task.feed(0, written["events"][0]) is not None
