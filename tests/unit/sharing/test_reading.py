from __future__ import annotations

import json
import time
import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.errors import UsageError
from stream.core.rfc3339 import rfc3339
from stream.sharing import reading
from stream.sharing import vocabulary as v
from stream.sharing.known_indicators import ended, taken_in
from stream.sharing.reading import ReadIndicators, summary
from testlib.sharing import KEY_ID, indicator

NOW_S = 1_772_582_400.0
SOURCE = "identity--11111111-2222-4333-8444-555555555555"
OURS = v.identity_id("Example Gateway")
ID = "indicator--11111111-2222-4333-8444-{:012x}"
FINGERPRINT = "00000000000000f1"


def stix(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return an indicator as another operator wrote it; a field that is None is left out."""
    given = {
        "type": "indicator",
        "spec_version": "2.1",
        "id": ID.format(number),
        "created_by_ref": SOURCE,
        "created": rfc3339(NOW_S - 9000),
        "modified": rfc3339(NOW_S - 60),
        "pattern": f"dw-template-blake2b64:{KEY_ID}:{FINGERPRINT}",
        "pattern_type": v.PATTERN_TYPE,
        "valid_from": rfc3339(NOW_S - 9000),
        "valid_until": rfc3339(NOW_S + 86_400),
        "confidence": 70,
        "extensions": {v.FINGERPRINT_EXTENSION: fingerprint()},
    }
    return {name: value for name, value in (given | changes).items() if value is not None}


def fingerprint(**changes: Any) -> dict[str, Any]:
    return {
        "extension_type": "property-extension",
        "scheme": "dw-template-blake2b64",
        "key_id": KEY_ID,
        "value": FINGERPRINT,
    } | changes


def network(pattern: str) -> dict[str, Any]:
    return stix(pattern=pattern, pattern_type="stix", extensions=None)


def with_extension(**changes: Any) -> dict[str, Any]:
    return stix(extensions={v.FINGERPRINT_EXTENSION: fingerprint(**changes)})


def read(*objects: dict[str, Any]) -> ReadIndicators:
    found = ReadIndicators(key_id=KEY_ID, own=OURS, imported_by="ana", now_s=NOW_S)
    found.add(json.dumps({"type": "bundle", "objects": objects}).encode(), source="a file")
    return found


def test_an_indicator_is_taken_in_with_its_source_campaign_and_end() -> None:
    identity = {"type": "identity", "id": SOURCE, "name": "Other Gateway"}
    link = {
        "type": "relationship", "relationship_type": "indicates",
        "source_ref": ID.format(1), "target_ref": "campaign--1",
    }  # fmt: skip
    (one,) = read(stix(), link, identity).indicators().values()
    assert (one.kind, one.value, one.key_id, one.confidence) == (
        "template",
        FINGERPRINT,
        KEY_ID,
        70,
    )
    assert (one.source_name, one.campaign, one.source) == ("Other Gateway", "campaign--1", SOURCE)
    assert (one.valid_from, one.valid_until) == (NOW_S - 9000, NOW_S + 86_400)
    assert not one.withdrawn


def test_networks_are_taken_in_and_claims_are_bounded() -> None:
    pattern = "[ipv4-addr:value ISSUBSET '198.51.100.0/24']"
    far = network(pattern) | {"valid_until": "2099-01-01T00:00:00Z"}
    del far["confidence"]
    (one,) = read(far).indicators().values()
    assert (one.kind, one.value, one.key_id) == ("network", "198.51.100.0/24", "")
    assert one.valid_until == NOW_S + reading.LONGEST_VALID_S
    assert one.confidence < 50


LEFT_OUT = {
    "under another key (theirs)": with_extension(key_id="theirs"),
    "of an unknown scheme": with_extension(scheme="md5"),
    "damaged (value is no fingerprint)": with_extension(value="0" * 16),
    "expired": stix(valid_until=rfc3339(NOW_S - 1)),
    "without valid_until": stix(valid_until=None),
    "valid_until before valid_from": stix(valid_from=rfc3339(NOW_S + 90_000)),
    "modified in the future": stix(modified=rfc3339(NOW_S + 7200)),
    "damaged (no time)": stix(valid_from="yesterday"),
    "damaged (a time out of range)": stix(valid_from="0001-01-01T00:00:00Z"),
    "our own": stix(created_by_ref=OURS),
    "of another version of STIX": stix(spec_version="2.0"),
    "with a pattern that names no fingerprint": stix(extensions={}),
    "with a pattern that names no network": network("[ipv4-addr:value = '198.51.100.7']"),
    "damaged (Object missing required field `created_by_ref`)": stix(created_by_ref=None),
    "damaged (Expected `int` <= 100)": stix(confidence=101),
    "damaged (Expected `str` matching regex '^indicator--": stix(id="indicator--x"),
}


@pytest.mark.parametrize("reason", LEFT_OUT)
def test_what_is_not_taken_in_is_counted_by_reason(reason) -> None:
    found = read(LEFT_OUT[reason], stix(2))
    assert [*found.indicators()] == [ID.format(2)]
    ((counted, count),) = found.left_out.items()
    assert counted.startswith(reason)
    assert count == 1


@pytest.mark.parametrize(
    "pattern",
    [
        "[ipv4-addr:value ISSUBSET '0.0.0.0/0']",
        "[ipv4-addr:value ISSUBSET '198.51.100.7/32']",
        "[ipv4-addr:value ISSUBSET '198.51.100.7/24']",
        "[ipv6-addr:value ISSUBSET '2001:db8::1/128']",
        "[ipv4-addr:value ISSUBSET '198.51.100.0/24'] OR [url:value = 'x']",
        "[" * 4000,
    ],
)
def test_single_addresses_and_the_whole_internet_are_no_networks(pattern) -> None:
    found = read(network(pattern))
    assert found.indicators() == {}
    assert found.left_out == {"with a pattern that names no network": 1}


FILES = {
    "empty": b"",
    "text": b"no bundle",
    "not UTF-8": b"\xff\xfe{}",
    "a list": b"[]",
    "objects are no list": b'{"objects": {}}',
    "cut short": json.dumps({"objects": [stix()]}).encode()[:-40],
    "deep": b'{"objects": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "too large": b" " * (reading.MOST_BYTES + 1),
    "too many": b'{"objects": [' + b"1," * reading.MOST_OBJECTS + b"1]}",
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_bundle_is_one_line_that_names_it(name) -> None:
    found = ReadIndicators(key_id=KEY_ID, own=OURS, imported_by="ana", now_s=NOW_S)
    with pytest.raises(UsageError, match=r"^/tmp/a file: ") as caught:
        found.add(FILES[name], source="/tmp/a file")  # noqa: S108 - a name
    assert "\n" not in str(caught.value)
    assert found.indicators() == {}


def test_deep_objects_cost_nothing_and_the_others_are_read() -> None:
    deep = b"[" * 50_000 + b"]" * 50_000
    text = b'{"objects": [{"type": "indicator", "extensions": {"x": ' + deep + b"}}, "
    text += json.dumps(stix()).encode() + b"]}"
    found = ReadIndicators(key_id=KEY_ID, own=OURS, imported_by="ana", now_s=NOW_S)
    with pytest.raises(UsageError, match="not a STIX"):
        found.add(text, source="f")


def test_a_large_bundle_takes_bounded_time_and_memory() -> None:
    count = 50_000
    text = json.dumps({"objects": [stix(number) for number in range(count)]}).encode()
    found = ReadIndicators(key_id=KEY_ID, own=OURS, imported_by="ana", now_s=NOW_S)
    tracemalloc.start()
    began = time.process_time()
    found.add(text, source="f")
    assert len(found.indicators()) == count
    took_s, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert took_s < 60  # of the processor, with every allocation traced: no square
    assert peak < 8 * len(text)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*stix(), "x"]), inner, max_size=6)
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.dictionaries(st.sampled_from([*stix()]), json_values, max_size=5), max_size=5))
def test_any_object_is_an_indicator_or_counted_and_the_good_one_is_taken_in(changes) -> None:
    objects = [stix(number + 2) | change for number, change in enumerate(changes)]
    found = read(*objects, stix())
    taken = found.indicators()
    assert ID.format(1) in taken or any(one.get("id") == ID.format(1) for one in objects)
    assert all("\n" not in reason for reason in found.left_out)
    assert len(taken) + sum(found.left_out.values()) <= len(objects) + 1
    for one in taken.values():
        msgspec.json.decode(msgspec.json.encode(one), type=type(one))


KNOWN = indicator(FINGERPRINT, "template", indicator_id=ID.format(1), source=SOURCE, modified=100.0)


def take(*found, known=(KNOWN,), most=10):
    written, left_out = taken_in(
        {one.key: one for one in found}, {one.key: one for one in known}, most=most
    )
    return [one.modified for one in written], dict(left_out)


def changed(**changes: Any):
    return msgspec.structs.replace(KNOWN, **changes)


def test_the_newest_version_of_the_same_identity_counts() -> None:
    assert take(changed(modified=101.0)) == ([101.0], {})
    assert take(KNOWN) == ([], {"known": 1})
    assert take(changed(modified=99.0)) == ([], {"known": 1})
    assert take(changed(modified=101.0, withdrawn="source")) == ([101.0], {})


def test_another_identity_cannot_change_or_revoke_an_indicator() -> None:
    forged = changed(modified=999.0, withdrawn="source", source="identity--forged")
    assert take(forged) == ([], {"of an id that another identity has used": 1})


def test_what_a_person_has_withdrawn_stays_withdrawn() -> None:
    withdrawn = changed(withdrawn="person")
    assert take(changed(modified=999.0), known=[withdrawn]) == (
        [], {"that you have withdrawn": 1},
    )  # fmt: skip


def test_what_its_source_revoked_can_come_back_from_it() -> None:
    assert take(changed(modified=999.0), known=[changed(withdrawn="source")]) == ([999.0], {})


def test_there_are_no_more_than_the_bound() -> None:
    others = [changed(indicator_id=ID.format(number)) for number in range(2, 5)]
    written, left_out = take(*others, most=2)
    assert (len(written), left_out) == (1, {"beyond sharing.max_indicators (2)": 2})


def test_a_summary_is_one_bounded_line_whatever_others_wrote() -> None:
    reasons = [(f"under another key (\x1b[2J\n{i})", i) for i in range(1, 40)]
    line = summary(reasons)
    assert line.isprintable()
    assert len(line) < 2000
    assert line.endswith("for other reasons")


def test_what_has_ended_takes_no_room_unless_a_person_has_withdrawn_it() -> None:
    week = 7 * 86_400.0
    ends = {"a": (NOW_S - week, ""), "b": (NOW_S - week + 1, ""), "c": (NOW_S - week, "person")}
    ends["d"] = (NOW_S - week, "source")
    known = {
        key: indicator(key * 16, valid_until=end, withdrawn=withdrawn)
        for key, (end, withdrawn) in ends.items()
    }
    assert ended(known, NOW_S) == ["a", "d"]


def test_all_pages_of_a_server_together_are_bounded(monkeypatch) -> None:
    """Objects that are no indicators, too, and pages of few objects and many bytes."""
    identity = {"type": "identity", "id": SOURCE, "name": "n"}
    monkeypatch.setattr(reading, "MOST_OBJECTS", 10)
    monkeypatch.setattr(reading, "MOST_BYTES", 5_000)
    for page, why in (
        (json.dumps({"objects": [identity] * 4}), "more than 10 objects"),
        (json.dumps({"objects": [identity]}) + " " * 2_000, "larger than"),
    ):
        found = ReadIndicators(key_id=KEY_ID, own=OURS, imported_by="ana", now_s=NOW_S)
        found.add(page.encode(), source="a server")
        found.add(page.encode(), source="a server")
        with pytest.raises(UsageError, match=why):
            found.add(page.encode(), source="a server")
