"""The account directory against a dict, and what it may and may not do to events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.secret import Secret
from stream.intake.codec.event import RequestEvent
from stream.intake.directory.directory import AccountDirectory, RejectedEntry
from stream.intake.directory.settings import DirectorySettings
from stream.intake.fingerprint.fingerprinter import Fingerprinter

if TYPE_CHECKING:
    from stream.core.events import EventBatch

NOW = 1_772_409_600.0
SALT = Secret("pepper")


def directory(most: int = 1000) -> AccountDirectory:
    return AccountDirectory(DirectorySettings(max_entries=most), SALT)


def row(account: str, **entry: Any) -> tuple[bytes, bytes]:
    return account.encode(), json.dumps(entry).encode()


def batch(*events: dict[str, Any]) -> EventBatch:
    least: dict[str, Any] = {"timestamp": NOW, "model": "m"}
    made = [RequestEvent(**(least | event)) for event in events]
    return Fingerprinter(SALT.reveal().encode()).columns(made, range(len(made)))


def test_what_an_event_lacks_is_as_if_the_gateway_had_logged_it() -> None:
    same = {"payment_id": "card-1", "organization_id": "org-1", "plan": "free"}
    known = {**same, "created_at": NOW - 9}
    filled = directory()
    filled.load([row("a", **known)], latest=NOW)
    logged = {**same, "account_created_at": NOW - 9}
    found = filled.fill(batch({"account_id": "a"}, {"account_id": "b"}))
    expected = batch({"account_id": "a", **logged}, {"account_id": "b"})
    assert found.hits == 1
    for name, column in expected.columns.items():
        np.testing.assert_array_equal(found.batch.columns[name], column, err_msg=name)


def test_what_an_event_says_itself_counts() -> None:
    one = directory()
    one.load([row("a", payment_id="other", created_at=NOW - 5)], latest=NOW)
    event = {"account_id": "a", "payment_id": "card", "account_created_at": NOW - 1}
    found = one.fill(batch(event)).batch
    np.testing.assert_array_equal(found.columns["payment"], batch(event).columns["payment"])
    assert found.columns["created_at"].tolist() == [NOW - 1]


def test_no_account_is_created_after_its_event() -> None:
    one = directory()
    one.load([row("a", created_at=NOW + 60)], latest=NOW + 300)
    events = batch({"account_id": "a"}, {"account_id": "a", "timestamp": NOW + 61})
    np.testing.assert_array_equal(one.fill(events).batch.columns["created_at"], [np.nan, NOW + 60])


def test_the_batch_that_was_given_stays_as_it_is() -> None:
    one = directory()
    one.load([row("a", payment_id="card")], latest=NOW)
    events = batch({"account_id": "a"})
    assert one.fill(events).batch.columns["payment"][0] != 0
    assert events.columns["payment"][0] == 0


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        (b"a", b"", "empty"),
        (b"a", b"{", "not_json"),
        (b"a", b"\xff", "not_json"),
        (b"a", b'"card"', "not_an_object"),
        (b"a", b'{"plan": 7}', "wrong_type"),
        (b"a", b'{"created_at": true}', "wrong_type"),
        (b"a", b'{"created_at": "soon"}', "bad_timestamp"),
        (b"a", b'{"created_at": -1}', "bad_timestamp"),
        (b"a", json.dumps({"created_at": NOW + 301}).encode(), "bad_timestamp"),
        (b"a", json.dumps({"created_at": (NOW - 9) * 1000}).encode(), "bad_timestamp"),
        (b"a", json.dumps({"x": "y" * 20_000}).encode(), "too_large"),
        (b"a", json.dumps({"payment_id": "y" * 1001}).encode(), "out_of_range"),
        (b"", b"{}", "missing_field"),
        (None, b"{}", "missing_field"),
        (b"\xff", b"{}", "not_utf8"),
        (b"a\nb", b"{}", "out_of_range"),
        (b"a" * 257, b"{}", "out_of_range"),
    ],
)
def test_what_is_no_entry_has_a_reason_and_changes_nothing(
    key: bytes | None, value: bytes, reason: str
) -> None:
    one = directory()
    one.load([row("a", payment_id="card")], latest=NOW)
    before = one.fill(batch({"account_id": "a"})).batch.columns["payment"].tolist()
    (refused,) = one.load([(key, value)], latest=NOW + 300)
    assert (refused.place, refused.reason) == (0, reason)
    assert one.fill(batch({"account_id": "a"})).batch.columns["payment"].tolist() == before


@pytest.mark.parametrize(
    "text",
    ["2026-03-01T00:00:00Z", "2026-03-01 00:00:00+00", "2026-03-01", "2026-03-01T01:00:00+01:00",
     "2026-03-01 00:00:00", "1772323200", 1_772_323_200, 1_772_323_200.0],
)  # fmt: skip
def test_times_as_databases_write_them(text: str | float) -> None:
    one = directory()
    assert one.load([row("a", created_at=text)], latest=NOW) == []
    filled = one.fill(batch({"account_id": "a"})).batch
    assert filled.columns["created_at"].tolist() == [1_772_323_200.0]


def test_beyond_the_bound_the_oldest_stay_and_those_removed_make_room() -> None:
    one = directory(3)
    refused = one.load([row(name) for name in "abcde"], latest=NOW)
    assert refused == [RejectedEntry(n, "full", "more than 3 accounts") for n in (3, 4)]
    assert one.known([*"abcde"]).tolist() == [True, True, True, False, False]
    assert one.load([(b"b", None), row("d"), row("a", plan="new")], latest=NOW) == []
    assert one.known([*"abcde"]).tolist() == [True, False, True, True, False]


def test_no_text_is_kept() -> None:
    one = directory()
    one.load([row("acct-9", payment_id="card-7", plan="gold", labels={"t": "vip"})], latest=NOW)
    kept = repr({**vars(one), "hashes": [dict(h) for h in one._hashes.values()]})
    assert not any(text in kept for text in ("acct-9", "card-7", "gold", "vip"))


steps = st.lists(
    st.lists(
        st.tuples(st.sampled_from([f"a{n}" for n in range(12)]), st.none() | st.integers(0, 5)),
        max_size=8,
    ),
    max_size=12,
)


@given(steps, st.integers(1, 12))
def test_it_is_a_dict_with_a_bound(loads: list[list[tuple[str, int | None]]], most: int) -> None:
    one, model = directory(most), dict[str, int]()
    names = [f"a{n}" for n in range(12)]
    events = batch(*({"account_id": name} for name in names))
    for said in loads:
        rows = [
            (name.encode(), None if n is None else msgspec.json.encode({"payment_id": f"c{n}"}))
            for name, n in said
        ]
        one.load(rows, latest=NOW)
        last = dict(said)
        for name in [name for name, n in last.items() if n is None]:
            model.pop(name, None)
        for name, n in last.items():
            if n is not None and (name in model or len(model) < most):
                model[name] = n
    assert len(one) == len(model)
    expected = batch(
        *({"account_id": name, "payment_id": f"c{model[name]}" if name in model else None}
          for name in names)
    )  # fmt: skip
    found = one.fill(events)
    assert found.hits == len(model)
    np.testing.assert_array_equal(found.batch.columns["payment"], expected.columns["payment"])
