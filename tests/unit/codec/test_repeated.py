"""A record without a repeated member decodes as it does with it, and fails as it does."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.records import Record
from stream.intake.codec.decoder import Decoder
from stream.intake.codec.repeated import RepeatedMember
from stream.intake.codec.settings import IntakeSettings
from stream.metrics import Metrics
from testlib.paths import SAMPLES

NOW = 1_800_000_000.0
PAYLOAD = json.loads((SAMPLES / "litellm_payloads.jsonl").read_text().splitlines()[0])
KEY = "model_map_information"
LARGE = json.dumps(PAYLOAD[KEY], separators=(",", ":")).encode()
WHOLE = json.dumps(PAYLOAD, separators=(",", ":")).encode()


def taught(value: bytes = WHOLE) -> RepeatedMember:
    member = RepeatedMember(KEY)
    assert member.without(value) is value
    return member


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_a_known_member_is_left_out(separators):
    value = json.dumps(PAYLOAD, separators=separators).encode()
    member = taught(value)
    found = member.without(value)
    assert len(found) < len(value) - 10_000
    assert json.loads(found) == PAYLOAD | {KEY: None}


@pytest.mark.parametrize(
    "value",
    [
        json.dumps({KEY: 1}).encode(),
        json.dumps({"other": 1}).encode(),
        WHOLE.replace(b"openai/gpt-4o-mini", b"openai/gpt-4o-maxi"),
        # It stands inside of another one first.
        b'{"a":{"%b":%b},%b' % (KEY.encode(), LARGE.replace(b"{", b"{ ", 1), WHOLE[1:]),
        b"",
    ],
)
def test_others_are_left_as_they_are(value):
    assert taught().without(value) is value


def test_what_is_never_found_again_is_left_alone_soon(monkeypatch):
    looked = []
    member = RepeatedMember(KEY)
    monkeypatch.setattr(member, "_learn", lambda *given: looked.append(given))
    for number in range(1000):
        member.without(json.dumps({KEY: {"number": number}}).encode())
    assert len(looked) == 256


def test_what_is_kept_is_bounded():
    member = RepeatedMember(KEY)
    for number in range(200):
        member.without(json.dumps({KEY: {f"{number}": "x" * 5000}}).encode())
        member.without(json.dumps({KEY: {f"{number}": "x" * 70_000}}).encode())
    assert len(member._kept) <= 64
    assert all(len(value) <= 65_536 for value in member._kept.values())


def cut() -> st.SearchStrategy[bytes]:
    """Payloads with the member, damaged around and inside it, and where texts name it."""
    mark = b'"%b":' % KEY.encode()
    start = WHOLE.index(mark)
    at = st.integers(0, 700) | st.integers(start - 3, start + 40)
    at |= st.integers(start + len(mark) + len(LARGE) - 20, len(WHOLE))
    bits = st.sampled_from([b"", b'"', b"\\", b"{", b"}", b",", b":", b"null", mark, mark + LARGE])
    return st.tuples(at, st.integers(0, 3), bits).map(
        lambda how: WHOLE[: how[0]] + how[2] + WHOLE[how[0] + how[1] :]
    )


@given(cut())
@settings(max_examples=300, deadline=None)
def test_it_is_json_exactly_if_it_was(value: bytes) -> None:
    found = taught().without(value)
    decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
    outcomes: list[dict[str, bytes] | None] = []
    for one in (value, found):
        try:
            outcomes.append({k: bytes(v) for k, v in decode(one).items() if k != KEY})
        except (msgspec.DecodeError, UnicodeDecodeError):
            outcomes.append(None)
    kept, left = outcomes
    assert (kept is None) == (left is None)
    if kept is not None and left is not None and value.count(KEY.encode()) == 1:
        assert kept == left


@given(cut())
@settings(max_examples=150, deadline=None)
def test_it_decodes_as_by_a_decoder_that_knows_nothing(value: bytes) -> None:
    settings_ = msgspec.convert({"format": "litellm"}, IntakeSettings)
    knowing, fresh = Decoder(settings_, Metrics()), Decoder(settings_, Metrics())
    knowing.decode([Record(0, None, WHOLE)] * 2, now_s=NOW)
    record = [Record(7, None, value)]
    found, expected = (decoder.decode(record, now_s=NOW) for decoder in (knowing, fresh))
    assert found.events == expected.events
    assert found.rejects == expected.rejects
    assert found.tally == expected.tally
