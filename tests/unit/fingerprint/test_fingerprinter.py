"""Events to columns: right values, equal for equals, and no text left anywhere."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.events import EVENT_COLUMNS, EventBatch
from stream.intake.codec.event import RequestEvent
from stream.intake.fingerprint import keyed
from stream.intake.fingerprint.fingerprinter import Fingerprinter

FINGERPRINTS = tuple(name for name, dtype in EVENT_COLUMNS.items() if dtype == np.uint64)
TEXTS = {
    "address": "client_ip",
    "user_agent": "user_agent",
    "tls": "tls_fingerprint",
    "payment": "payment_id",
    "system_prompt": "system_prompt",
    "prompt": "prompt",
}


def event(**fields: Any) -> RequestEvent:
    least: dict[str, Any] = {"timestamp": 1.76e9, "account_id": "a", "model": "m"}
    return RequestEvent(**(least | fields))


def columns(*events: RequestEvent, salt: bytes = b"salt") -> EventBatch:
    return Fingerprinter(salt).columns(events, range(len(events)))


def value(column: str, **fields: Any) -> int:
    return int(columns(event(**fields)).columns[column][0])


def test_every_column_has_its_type_and_length() -> None:
    for events in ((), (event(),), (event(), event(account_id="b"))):
        batch = columns(*events)
        assert {name: c.dtype for name, c in batch.columns.items()} == dict(EVENT_COLUMNS)
        assert {len(c) for c in batch.columns.values()} == {len(events)}


def test_accounts_stand_once_and_rows_point_at_them() -> None:
    batch = columns(*(event(account_id=name) for name in ("b", "a", "b")))
    assert list(batch.accounts) == ["b", "a"]
    assert batch.columns["account"].tolist() == [0, 1, 0]


def test_numbers_and_flags() -> None:
    batch = columns(
        event(
            account_created_at=1.7e9, input_tokens=1, output_tokens=2**31 - 1, max_tokens=5,
            status=429, temperature=0.25, logprobs=True,
        ),
        event(logprobs=False),
    )  # fmt: skip
    first = {name: column[0] for name, column in batch.columns.items()}
    assert first["time"] == 1.76e9
    assert first["created_at"] == 1.7e9
    names = ("input_tokens", "output_tokens", "max_tokens")
    assert [first[name] for name in names] == [1, 2**31 - 1, 5]
    assert (first["status"], first["temperature"]) == (429, 0.25)
    assert batch.columns["logprobs"].tolist() == [1, 0]


def test_absent_is_zero_or_nan() -> None:
    batch = columns(event(user_agent=""), event(user_agent="-", payment_id="", prompt=" "))
    for name in FINGERPRINTS:
        if name == "model":  # every event has one
            continue
        assert batch.columns[name].tolist() == [0, 0], name
    for name in ("created_at", "temperature"):
        assert np.isnan(batch.columns[name]).all()
    assert not batch.columns["status"].any()


@pytest.mark.parametrize(("column", "field"), TEXTS.items())
def test_equal_values_and_no_others_have_equal_fingerprints(column: str, field: str) -> None:
    left, right = ("198.51.100.1", "198.51.101.2") if column == "address" else ("One", "Two")
    assert value(column, **{field: left}) == value(column, **{field: left}) != 0
    assert value(column, **{field: left}) != value(column, **{field: right})


def test_the_same_string_differs_between_columns_and_salts() -> None:
    same = event(**dict.fromkeys(TEXTS.values(), "198.51.100.1"))
    batch = columns(same)
    found = [int(batch.columns[name][0]) for name in TEXTS]
    assert len(set(found)) == len(found)
    other = columns(same, salt=b"pepper" * 30)
    assert not set(found) & {int(other.columns[name][0]) for name in TEXTS}


def test_a_fingerprint_never_changes_between_releases() -> None:
    """State in topics refers to these values: changing one forgets what was learned."""
    assert value("user_agent", user_agent="agent/1") == FROZEN["user_agent"]
    assert value("prompt", prompt="Hello  World") == FROZEN["prompt"]
    assert value("template", prompt="Translate this sentence into Danish: x") == FROZEN["template"]
    assert value("address", client_ip="198.51.100.1") == FROZEN["address"]
    assert value("prompt", prompt="\uff28ÉLLO — “Straße” 12") == FROZEN["foreign prompt"]
    foreign = "Übersetze «bitte» 12 kurze Sätze für unsere Gäste: x"
    assert value("template", prompt=foreign) == FROZEN["foreign template"]
    standing = "Today is 2026-11-24. Be kind."
    assert value("system_prompt", system_prompt=standing) == FROZEN["system_prompt"]


FROZEN = {
    "user_agent": 5195314508481617220,
    "prompt": 13795194962934689159,
    "template": 17280600561389661959,
    "address": 14872672654712333630,
    "foreign prompt": 16827338896065619141,
    "foreign template": 3255676547826975387,
    "system_prompt": 12326544973528056439,
}


def test_the_gateways_fingerprint_stands_in_where_there_is_no_text() -> None:
    given_, other = value("prompt", prompt_fingerprint="f1"), value("prompt", prompt="f1 text")
    assert given_ not in {0, other}
    assert value("prompt", prompt="f1 text", prompt_fingerprint="f1") == other
    mixed = columns(event(prompt_fingerprint="f1"), event(prompt="f1 text"), event())
    assert mixed.columns["prompt"].tolist() == [given_, other, 0]
    assert mixed.columns["template"][0] == 0


def test_long_strings_and_old_ones_are_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyed, "MAX_CACHED", 10)
    hashed = keyed.KeyedHash(b"", "model")
    values = [str(i) for i in range(100)] + ["x" * 10_000]
    first = hashed.cached(values)
    assert len(hashed) <= 10
    assert all(len(key or "") < 600 for key in hashed)
    assert hashed.cached(values).tolist() == first.tolist()


def test_what_is_remembered_is_bounded_in_characters_too() -> None:
    hashed = keyed.KeyedHash(b"", "user_agent")
    for i in range(10_000):
        hashed.cached([f"\U0001f600{i:0510}"])
    assert sum(len(key or "") for key in hashed) <= keyed.MAX_CACHED_CHARACTERS
    assert len(hashed) > 1000


def test_no_text_survives() -> None:
    """Neither a prompt nor any piece of one is reachable from the fingerprinter or the batch."""
    marker = "zanzibar tea".replace(" ", "-")  # not a constant of this module
    fingerprinter = Fingerprinter(b"salt")
    batch = fingerprinter.columns(
        [event(prompt=f"please tell me about {marker} at once", system_prompt=f"be {marker} now")],
        [0],
    )
    assert marker not in repr(batch)
    todo, seen = [fingerprinter, batch], set()
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen.add(id(thing))
        if isinstance(thing, str | bytes):
            assert marker not in (thing if isinstance(thing, str) else thing.decode("latin-1"))
        elif not callable(thing):
            todo.extend(gc.get_referents(thing))


@given(
    st.lists(
        st.builds(
            event,
            account_id=st.sampled_from("abc"),
            client_ip=st.none() | st.text(max_size=20),
            prompt=st.none() | st.text(max_size=60),
            system_prompt=st.none() | st.text(max_size=20),
            input_tokens=st.none() | st.integers(0, 2**31 - 1),
        ),
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_a_batch_equals_its_events_one_by_one(events: list[RequestEvent]) -> None:
    fingerprinter = Fingerprinter(b"salt")
    together = fingerprinter.columns(events, range(len(events)))
    apart = [fingerprinter.columns([one], [i]) for i, one in enumerate(events)]
    whole = EventBatch.merge([together])
    pieces = EventBatch.merge(apart)
    assert list(whole.accounts) == list(pieces.accounts)
    for name in EVENT_COLUMNS:
        np.testing.assert_array_equal(whole.columns[name], pieces.columns[name])
