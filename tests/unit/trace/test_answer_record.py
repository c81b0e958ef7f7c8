"""Records of answers: what was written is read, and what is damaged or foreign has a reason."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.errors import PacketError
from stream.trace.answer_record import Answers, decode, encode

KEY_ID = "0123456789abcdef"


@st.composite
def answers(draw):
    accounts = draw(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4, unique=True))
    density = st.sampled_from([1, 16, 64, 256])
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, len(accounts) - 1),
                st.integers(0, 2**32 - 1),
                density,
                st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=5),
            ),
            max_size=12,
        )
    )
    used = sorted({row[0] for row in rows})
    return Answers(
        KEY_ID,
        [accounts[place] for place in used],
        np.array([used.index(row[0]) for row in rows], np.uint32),
        np.array([row[1] for row in rows], np.uint32),
        np.array([row[2] for row in rows], np.uint16),
        np.array([len(row[3]) for row in rows], np.uint32),
        np.array([one // row[2] for row in rows for one in row[3]], np.uint64),
    )


def listed(found):
    """Return the answers of records, one after the other, as plain values."""
    rows = []
    for one in found:
        ends = np.cumsum(one.count).tolist()
        for row, end in enumerate(ends):
            hashes = one.hashes[end - int(one.count[row]) : end].tolist()
            account = one.accounts[one.account[row]]
            rows.append((one.key_id, account, int(one.time[row]), int(one.one_in[row]), hashes))
    return rows


@given(answers(), st.sampled_from([1, 200, 10_000]))
def test_what_was_written_is_read_however_it_is_split(written, most_bytes):
    records = encode(written, most_bytes=most_bytes)
    found = [decode(value) for value in records]
    assert listed(found) == listed([written] if len(written) else [])
    for value, one in zip(records, found, strict=True):
        assert len(value) <= most_bytes or len(one) == 1
        assert len({*one.accounts}) == len({*one.account.tolist()})


@given(st.binary(max_size=200))
def test_any_bytes_are_answers_or_have_a_reason(value):
    with suppress(PacketError):
        decode(value)


@given(answers(), st.data())
def test_damaged_records_are_answers_or_have_a_reason(written, data):
    for value in encode(written, most_bytes=10_000):
        place = data.draw(st.integers(0, len(value) - 1))
        other = data.draw(st.integers(0, 255))
        damaged = value[:place] + bytes([other]) + value[place + 1 :]
        try:
            found = decode(damaged[: data.draw(st.integers(0, len(value)))])
        except PacketError:
            continue
        assert len(found.hashes) == found.count.sum()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"version": 1}, "answers of version 1, this one reads 2"),
        ({"key_id": "a key"}, "not a record of answers"),
        ({"accounts": []}, "an account that is not in the record"),
        ({"accounts": ["a" * 257]}, "not a record of answers"),
        ({"time": b""}, "unequal length"),
        ({"time": b"123"}, "part of a value"),
        ({"count": np.uint32(2).tobytes()}, "more or fewer hashes than counted"),
        ({"count": np.uint32(0).tobytes(), "hashes": b""}, "more or fewer hashes than counted"),
        ({"one_in": np.uint16(3).tobytes()}, "unknown density"),
        ({"one_in": np.uint16(0).tobytes()}, "unknown density"),
        ({"hashes": np.uint64(2**58).tobytes()}, "its density leaves out"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_fault_has_its_reason(changed, reason):
    good = Answers(
        KEY_ID,
        ["acct_1"],
        np.zeros(1, np.uint32),
        np.ones(1, np.uint32),
        np.full(1, 64, np.uint16),
        np.ones(1, np.uint32),
        np.array([2**58 - 1], np.uint64),
    )
    (value,) = encode(good, most_bytes=1000)
    assert listed([decode(value)]) == listed([good])
    with pytest.raises(PacketError, match=reason):
        decode(msgspec.msgpack.encode(msgspec.msgpack.decode(value) | changed))


def test_an_answer_takes_fourteen_bytes_and_eight_a_hash():
    many = Answers(
        KEY_ID,
        ["acct_1"],
        np.zeros(1000, np.uint32),
        np.ones(1000, np.uint32),
        np.full(1000, 64, np.uint16),
        np.full(1000, 5, np.uint32),
        np.arange(5000, dtype=np.uint64),
    )
    (value,) = encode(many, most_bytes=1_000_000)
    assert len(value) < 1000 * (14 + 5 * 8) + 200
