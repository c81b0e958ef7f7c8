from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from stream.core.indicators import ShareableValue
from stream.core.packets import event_rows, unpack
from stream.core.records import Record
from stream.core.secret import Secret
from stream.metrics import Metrics
from stream.pipeline.build import intake
from stream.settings import Settings
from testlib.sharing import KEY_ID, indicator, row, sharing, table

NOW_S = 1_772_582_400.0
TEXT = {
    "system_prompt": "You are a careful annotator. Today is 1 March.",
    "prompt": "Translate the following sentence into plain English, please: item 7",
}


def event(account: str, **fields) -> dict:
    return {"timestamp": NOW_S - 60, "account_id": account, "model": "m", **fields}


class Operator:
    def __init__(self, salt: str, *, indicators=None, **changes) -> None:
        settings = Settings(sharing=sharing(**changes)).stages
        object.__setattr__(
            settings, "intake", msgspec.structs.replace(settings.intake, salt=Secret(salt))
        )
        self.metrics = Metrics()
        self._intake = intake(
            settings, topic="requests", metrics=self.metrics, indicators=indicators
        )

    def read(self, *events: dict) -> tuple[list[ShareableValue], list[int]]:
        """Return what may be shared, and the indicator of each event, in the order of accounts."""
        records = [
            Record(offset, NOW_S, json.dumps(one).encode()) for offset, one in enumerate(events)
        ]
        emissions = self._intake.process(0, records, now_s=NOW_S)
        shareable = [
            msgspec.json.decode(one.value, type=ShareableValue)
            for one in emissions
            if one.role == "shareable"
        ]
        rows = [event_rows(unpack(one.value)) for one in emissions if one.role == "events"]
        matches = {
            int(offset): int(match)
            for part in rows
            for offset, match in zip(part.columns["offset"], part.columns["indicator"], strict=True)
        }
        return shareable, [matches[offset] for offset in sorted(matches)]


def shared_of(values: list[ShareableValue]) -> dict[str, str]:
    return {one.kind: one.shared for one in values}


TURNS = [
    {"role": "user", "content": "Which rivers flow through Vienna?"},
    {
        "role": "assistant",
        "content": "The Danube and the Wien flow through it, " + "as do others " * 9,
    },
    {"role": "user", "content": "And through the city of Graz?"},
]
CLIENT = {"tls_fingerprint": "t13d1516h2_8daaf6152771_b186095e22b6", "user_agent": "python/3"}


def test_two_operators_give_one_value_one_fingerprint_under_the_key_of_their_group() -> None:
    ours, theirs, others = Operator("a"), Operator("b"), Operator("a", key=Secret("another"))
    events = [event(name, **TEXT, **CLIENT) for name in ("x", "y")]
    events += [event(name, messages=TURNS) for name in ("x", "y")]
    found = [one.read(*events)[0] for one in (ours, theirs, others)]
    kinds = {"system_prompt", "template", "client", "conversation"}
    assert all({one.kind for one in part} == kinds for part in found)
    assert shared_of(found[0]) == shared_of(found[1])
    assert not set(shared_of(found[0]).values()) & set(shared_of(found[2]).values())
    assert not {one.own for one in found[0]} & {one.own for one in found[1]}
    assert not {one.own for one in found[0]} & {one.shared for one in found[0]}
    assert {one.key_id for one in found[0]} == {KEY_ID}


def test_what_one_account_alone_sends_is_not_shared_and_nothing_is_shared_twice() -> None:
    one = Operator("a")
    assert one.read(*[event("x", **TEXT)] * 9)[0] == []
    assert shared_of(one.read(event("y", **TEXT))[0]).keys() == {"system_prompt", "template"}
    assert one.read(event("z", **TEXT), event("x", **TEXT))[0] == []


def test_a_network_needs_five_accounts_and_is_no_single_address() -> None:
    one = Operator("a")
    calls = [event(f"account {i}", client_ip=f"198.51.100.{i + 1}") for i in range(5)]
    assert one.read(*calls[:4])[0] == []
    (found,) = one.read(calls[4])[0]
    assert (found.kind, found.shared, found.key_id) == ("network", "198.51.100.0/24", "")


def test_a_private_network_is_not_shared() -> None:
    """Each gateway has its own: at others it would point at customers who have nothing to do."""
    for address in ("10.1.2.{}", "100.64.0.{}", "fd00:1:2::{}", "127.0.0.{}"):
        calls = [event(f"account {i}", client_ip=address.format(i + 1)) for i in range(6)]
        assert Operator("a").read(*calls)[0] == []


def test_no_text_address_or_account_is_in_what_is_shared() -> None:
    events = [event(f"account {i}", **TEXT, client_ip=f"198.51.100.{i + 1}") for i in range(6)]
    written = b"".join(map(msgspec.json.encode, Operator("a").read(*events)[0])).decode()
    assert "198.51.100.0/24" in written
    for secret in ("account", "annotator", "Translate", *(f'198.51.100.{i}"' for i in range(9))):
        assert secret not in written


def test_without_a_key_nothing_is_shared_and_nothing_matches() -> None:
    shared = shared_of(Operator("a").read(event("x", **TEXT), event("y", **TEXT))[0])
    known = table(indicator(shared["template"], "template"))
    off = Operator("b", indicators=known, key=Secret(), key_id="")
    assert off.read(event("x", **TEXT), event("y", **TEXT)) == ([], [0, 0])


@pytest.mark.parametrize("kind", ["system_prompt", "template", "client", "conversation", "network"])
def test_every_event_with_a_reported_value_matches_whichever_accounts_had_it_before(kind) -> None:
    """What matches may depend on no worker's memory: alerts would depend on the workers."""
    fields: dict[str, Any] = {**TEXT, **CLIENT, "client_ip": "198.51.100.9"}
    if kind == "conversation":
        fields = {"messages": TURNS}
    events = [event(f"account {i}", **fields) for i in range(5)]
    shared = shared_of(Operator("a").read(*events)[0])[kind]
    known = table(indicator(shared, kind, valid_until=NOW_S), salt="b")
    other = event("another", system_prompt="You are a poet.", prompt="Write me a short poem now")
    theirs = Operator("b", indicators=known)
    _, matches = theirs.read(events[0], other)
    assert [match > 0 for match in matches] == [True, False]
    assert theirs.metrics.registry.get_sample_value("distillwatch_indicator_matches_total") == 1
    late = {**events[0], "timestamp": NOW_S}
    assert theirs.read(late)[1] == [0]
    known.load([row(msgspec.structs.replace(indicator(shared, kind), withdrawn="person"))])
    assert theirs.read(events[0])[1] == [0]
