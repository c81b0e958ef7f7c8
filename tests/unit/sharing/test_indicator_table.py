from __future__ import annotations

from time import process_time

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.indicators import confidence_of, with_confidence
from stream.intake.fingerprint.keyed import KeyedHash
from testlib.sharing import indicator, row, table

HEX = f"{0x123456789ABCDEF0:016x}"


def matched(found, values: dict[str, list[int]], times: list[float]):
    columns = {kind: np.array(column, np.uint64) for kind, column in values.items()}
    return found.matched(columns, np.array(times))


@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 100), st.integers(1, 9), st.integers(1, 9)),
        max_size=12,
    ),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 20)), min_size=1, max_size=12),
)
def test_an_event_matches_the_surest_indicator_that_is_valid_at_its_time(known, events) -> None:
    spread = 0x9E3779B97F4A7C15
    rows = [
        indicator(
            f"{value * spread % 2**64:016x}",
            indicator_id=f"indicator--00000000-0000-4000-8000-{number:012x}",
            confidence=confidence,
            valid_from=float(start),
            valid_until=float(start + lasts),
        )
        for number, (value, confidence, start, lasts) in enumerate(known)
    ]
    values = [value * spread % 2**64 for value, _ in events]
    found = matched(table(*rows), {"system_prompt": values}, [float(time) for _, time in events])
    if not known:
        assert found is None
        return
    for (value, time), match in zip(events, found.tolist(), strict=True):
        sure = max(
            (c for v, c, start, lasts in known if v == value and start <= time < start + lasts),
            default=0,
        )
        fingerprints = np.array([value * spread % 2**64], np.uint64)
        expected = int(with_confidence(fingerprints, np.array([sure]))[0]) if sure else 0
        assert match == expected


def test_one_value_that_is_reported_many_times_costs_an_event_no_more_than_others() -> None:
    events = {"system_prompt": [int(HEX, 16)] * 100}

    def took(values: list[str]) -> float:
        reported = table(
            *(
                indicator(
                    value,
                    indicator_id=f"indicator--00000000-0000-4000-8000-{number:012x}",
                    confidence=1 + number % 90,
                    valid_until=1e9 + number,
                )
                for number, value in enumerate(values)
            )
        )
        began = process_time()
        found = [matched(reported, events, [5.0] * 100) for _ in range(5)]
        assert all((confidence_of(one) > 0).all() for one in found)
        return process_time() - began

    others = took([HEX, *(f"{number:016x}" for number in range(1, 3_000))])
    assert took([HEX] * 3_000) < 40 * others  # one look at each would be thousands of times


def test_a_value_counts_for_its_kind_alone() -> None:
    found = table(indicator(HEX, "template"))
    number = int(HEX, 16)
    assert matched(found, {"system_prompt": [number], "network": [number]}, [5.0]).tolist() == [0]
    (match,) = matched(found, {"template": [number]}, [5.0])
    assert confidence_of(np.array([match])).tolist() == [0.8]


def test_a_network_matches_under_the_own_salt() -> None:
    found = table(indicator("198.51.100.0/24", "network"), salt="ours")
    own = KeyedHash(b"ours", "network").one("198.51.100.0/24")
    assert matched(found, {"network": [own]}, [5.0])[0] != 0


def test_what_is_withdrawn_or_deleted_matches_no_more() -> None:
    one = indicator(HEX)
    found = table(one)
    values = {"system_prompt": [int(HEX, 16)]}
    assert matched(found, values, [5.0])[0] != 0
    found.load([row(msgspec.structs.replace(one, withdrawn="person"))])
    assert matched(found, values, [5.0]) is None
    found.load([row(one)])
    assert matched(found, values, [5.0])[0] != 0
    found.load([(one.key.encode(), None)])
    assert matched(found, values, [5.0]) is None


BAD = {
    "empty": ("empty", (b"indicator--x", b"")),
    "not JSON": ("not_json", (b"x", b"{")),
    "not UTF-8": ("not_utf8", (b"x", b'{"kind": "\xff"}')),
    "too large": ("too_large", (b"x", b"{" + b" " * 20_000)),
    "nothing in it": ("missing_field", (b"x", b"{}")),
    "another key": ("unknown_key", row(indicator(HEX, key_id="another"))),
    "another name": ("out_of_range", (b"x", row(indicator(HEX))[1])),
    "a single address": ("out_of_range", row(indicator("198.51.100.7/32", "network"))),
    "the whole internet": ("out_of_range", row(indicator("0.0.0.0/0", "network"))),
    "a private network": ("out_of_range", row(indicator("10.1.2.0/24", "network"))),
    "one around a private network": ("out_of_range", row(indicator("192.0.0.0/8", "network"))),
    "a private network of IPv6": ("out_of_range", row(indicator("fd00:1::/48", "network"))),
    "no network": ("out_of_range", row(indicator("198.51.100.7/24", "network"))),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_record_is_named_and_changes_nothing(name) -> None:
    reason, record = BAD[name]
    found = table(indicator(HEX))
    (refused,) = found.load([record])
    assert (refused.place, refused.reason) == (0, reason)
    assert len(found) == 1


def test_there_are_no_more_than_the_bound() -> None:
    found = table(indicator(HEX), max_indicators=1)
    other = indicator("1" * 16)
    assert [one.reason for one in found.load([row(other)])] == ["full"]
    assert found.load([row(indicator(HEX, confidence=1))]) == []
