"""intake.salt is replaced while a campaign gathers: with an overlap nothing is forgotten.

One account after the other begins, asks for a while and falls silent, so that what is known of the
first ones decides when the campaign is found.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from stream.accounts.windows.account_windows import AccountWindows
from stream.accounts.windows.duplicates import calls
from stream.accounts.windows.request_ids import RequestIds
from stream.core.drill import named
from stream.core.errors import SettingsError
from stream.core.events import EVENT_COLUMNS, LINKING, PREVIOUS, EventBatch
from stream.core.links import LinkKind
from stream.core.packets import PACKET_VERSION, ChunkHeader, event_rows, pack, unpack
from stream.core.records import Record
from stream.intake.codec.event import RequestEvent
from stream.intake.fingerprint.drill_signature import DrillSigner
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.pipeline import state_5
from stream.pipeline.build import account_directory
from stream.pipeline.drill_decoder import DrillDecoder
from stream.pipeline.link_extraction import WindowSnapshot, links_of
from stream.pipeline.window_rows import window_rows
from stream.store.account_table import AccountTable
from testlib.rotation import (
    AFTER,
    BEFORE,
    DURING,
    HOUR_S,
    NEW,
    OLD,
    SCENARIO,
    START_S,
    Deployment,
    played,
    slow_pool,
    stages,
)
from testlib.scored import scored_groups

if TYPE_CHECKING:
    from stream.core.alerts import Alert

#: In the middle of the campaign, before it is found, and when it has been found.
GATHERING_S, FOUND_S = START_S + 2.5 * HOUR_S, START_S + 3.6 * HOUR_S
LATER_S = 0.7 * HOUR_S
PLANS = {
    "none": [[(0.0, BEFORE)]],
    "without an overlap": [[(0.0, BEFORE), (GATHERING_S, AFTER)]],
    "overlap": [[(0.0, BEFORE), (GATHERING_S, DURING)]],
    "overlap and its end": [[(0.0, BEFORE), (GATHERING_S, DURING), (GATHERING_S + LATER_S, AFTER)]],
    "workers one by one": [
        [(0.0, BEFORE), (GATHERING_S, DURING), (GATHERING_S + LATER_S, AFTER)],
        [(0.0, BEFORE), (GATHERING_S + 1200, DURING), (GATHERING_S + LATER_S + 1200, AFTER)],
    ],
    "when it has been found": [[(0.0, BEFORE), (FOUND_S, DURING), (FOUND_S + LATER_S, AFTER)]],
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Deployment]:
    lines = slow_pool(each_s=600, lasts_s=1500)
    return {name: played(lines, *plans) for name, plans in PLANS.items()}


def first_of(deployment: Deployment) -> Alert:
    return deployment.alerts[0]


def values(deployment: Deployment) -> Counter[int]:
    """Return how many values of each kind alerting knows."""
    stage: Any = deployment.chain._tasks["findings"][0]._stage
    graph = stage._incidents._detector._graph
    return Counter(graph.values["kind"][graph.values.in_use].tolist())


@pytest.mark.parametrize("name", ["overlap", "overlap and its end", "workers one by one"])
def test_a_campaign_that_gathers_meanwhile_is_found_as_without_a_rotation(
    outcomes: dict[str, Deployment], name: str
) -> None:
    without, found = first_of(outcomes["none"]), first_of(outcomes[name])
    assert found.detected_at == without.detected_at
    assert found.account_ids == without.account_ids
    assert found.observed.requests <= without.observed.requests
    assert found.score <= without.score + 0.005  # of a salt hang which phrases are kept
    assert {alert.alert_id for alert in outcomes[name].alerts} == {found.alert_id}
    last, last_without = outcomes[name].alerts[-1], outcomes["none"].alerts[-1]
    assert last.account_ids == last_without.account_ids
    assert last.observed.requests <= last_without.observed.requests


def test_without_an_overlap_it_is_not(outcomes: dict[str, Deployment]) -> None:
    assert outcomes["without an overlap"].alerts == []


def test_during_the_overlap_every_value_is_there_once(outcomes: dict[str, Deployment]) -> None:
    assert values(outcomes["overlap"]) == values(outcomes["none"])


def test_an_open_incident_goes_on_under_its_id(outcomes: dict[str, Deployment]) -> None:
    without, found = outcomes["none"].alerts, outcomes["when it has been found"].alerts
    assert {alert.alert_id for alert in found} == {without[0].alert_id}
    assert found[-1].account_ids == without[-1].account_ids


def test_benign_accounts_are_no_more_suspicious_than_before() -> None:
    pool = {account.account_id for account in SCENARIO.accounts if account.attack}
    lines = slow_pool(each_s=600, lasts_s=0)
    benign = [line for line in lines if msgspec.json.decode(line)["account_id"] not in pool]
    highest = {}
    for name in ("none", "overlap"):
        with scored_groups() as groups:
            found = played(benign, *PLANS[name])
        assert found.alerts == []
        highest[name] = max((group.score for group in groups), default=0.0)
    assert highest["overlap"] <= highest["none"] + 0.005


# -- what intake makes


EVENT = {
    "account_id": "a", "timestamp": START_S, "model": "m", "client_ip": "192.0.2.7",
    "user_agent": "sdk", "tls_fingerprint": "t13d", "payment_id": "card", "plan": "pro",
    "organization_id": "org", "system_prompt": "You translate.", "prompt": "one two three four "
    "five six seven eight nine ten", "request_id": "r1", "response": "an answer of words " * 9,
}  # fmt: skip


def columns(*salts: bytes) -> EventBatch:
    event = msgspec.convert(EVENT, RequestEvent, strict=False)
    fingerprinter = Fingerprinter(salts[0], previous=salts[1] if len(salts) > 1 else None)
    return fingerprinter.columns([event], [0])


def test_what_links_accounts_has_the_fingerprint_of_either_salt() -> None:
    now, before, both = columns(b"new"), columns(b"old"), columns(b"new", b"old")
    for name in LINKING:
        assert both.columns[name] == now.columns[name], name
        assert both.columns[PREVIOUS[name]] == before.columns[name], name
    named = {name for name in LINKING if now.columns[name][0]}
    assert named == {*LINKING} - {"conversation"}  # this is a first turn


def test_without_a_previous_salt_events_have_no_more_columns() -> None:
    assert set(columns(b"new").columns) == set(EVENT_COLUMNS)


def test_events_travel_and_merge_with_and_without_the_previous_columns() -> None:
    one, other = columns(b"old"), columns(b"new", b"old")
    value = pack(source=0, sources=1, header=ChunkHeader(0.0), rows=other)
    assert event_rows(unpack(value)).columns[PREVIOUS["address"]] == one.columns["address"]
    merged = EventBatch.merge([one, other])
    assert merged.columns[PREVIOUS["address"]].tolist() == [0, one.columns["address"][0]]


def test_a_counted_row_takes_previous_fingerprints_from_its_copy_too() -> None:
    both = columns(b"new", b"old")
    less = {"address", PREVIOUS["address"]}
    bare = {n: np.zeros_like(c) if n in less else c for n, c in both.columns.items()}
    bare["output_tokens"] = both.columns["output_tokens"] + 1  # so this is the one that counts
    full = {**both.columns, "output_tokens": np.zeros_like(both.columns["output_tokens"])}
    rows = EventBatch.merge([EventBatch(["a"], bare), EventBatch(["a"], full)])
    ids = RequestIds(600.0, window_s=60.0, most=100)
    (found,) = calls(rows, START_S + 60, ids).rows.columns[PREVIOUS["address"]].tolist()
    assert found == both.columns[PREVIOUS["address"]][0]


def test_the_account_directory_fills_in_either_fingerprint() -> None:
    directory = account_directory(stages(DURING))
    directory.load([(b"a", b'{"payment_id": "card", "organization_id": "org"}')], latest=1e10)
    without = {key: EVENT[key] for key in ("account_id", "timestamp", "model")}
    event = msgspec.convert(without, RequestEvent, strict=False)
    made = Fingerprinter(NEW.encode(), previous=OLD.encode()).columns([event], [0])
    filled = directory.fill(made).batch.columns
    for column in ("payment", "organization"):
        assert filled[column] == columns(NEW.encode()).columns[column]
        assert filled[PREVIOUS[column]] == columns(OLD.encode()).columns[column]


@pytest.mark.parametrize(
    ("given", "signed_with", "accepted"),
    [(DURING, NEW, True), (DURING, OLD, True), (AFTER, OLD, False), (DURING, "another", False)],
)
def test_a_drill_may_be_signed_with_either_salt(
    given: dict[str, str], signed_with: str, *, accepted: bool
) -> None:
    value = msgspec.json.encode(EVENT | {"account_id": named("x-1")})
    signature = DrillSigner(signed_with.encode()).signature(value)
    found = DrillDecoder(stages(given).intake).decode(
        [Record(0, None, value, signature)], now_s=START_S
    )
    reasons = {reject.reason for reject in found.rejects}
    assert ("bad_signature" in reasons) == (not accepted)


# -- what the accounts stage makes of it


def linked(*batches: EventBatch) -> Counter[tuple[str, int, int]]:
    """Return the requests of each account, kind and value that the links of one window have."""
    windows = AccountWindows(AccountTable(AccountWindows.FIELDS, max_accounts=8))
    (rows,) = window_rows(START_S + 60, 60.0, [*batches], most=8)
    links = links_of([WindowSnapshot.at(rows, windows, windows._table, windows.update(rows))])
    found: Counter[tuple[str, int, int]] = Counter()
    for at, kind, value, requests in zip(
        *(links.columns[name].tolist() for name in ("account", "kind", "value", "requests")),
        strict=True,
    ):
        found[links.accounts[at], kind, value] += requests
    return found


def events_of(first: int, count: int) -> list[RequestEvent]:
    return [
        msgspec.convert(
            EVENT
            | {
                "account_id": "abc"[i % 3],
                "client_ip": f"192.0.{i % 3}.7",
                "prompt": f"{EVENT['prompt']} eleven {i % 4} twelve",
                "response": None,
            },
            RequestEvent,
            strict=False,
        )
        for i in range(first, first + count)
    ]


def test_in_one_window_each_link_is_there_under_the_salts_that_its_workers_have() -> None:
    old, new = Fingerprinter(b"old"), Fingerprinter(b"new")
    one, other = events_of(0, 7), events_of(7, 9)
    both = Fingerprinter(b"new", previous=b"old").columns(other, range(7, 16))
    mixed = linked(old.columns(one, range(7)), both)
    everything = linked(old.columns([*one, *other], range(16)))
    learnt = linked(new.columns(other, range(9)))
    assert everything.keys().isdisjoint(learnt)
    assert mixed == everything + learnt
    assert {kind for _, kind, _ in mixed} >= {LinkKind.PHRASE, LinkKind.CLIENT, LinkKind.PAYMENT}


# -- settings and formats


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"intake_salt_previous": OLD}, "intake.salt_previous: expected none without `salt`"),
        (
            {"intake_salt": OLD, "intake_salt_previous": OLD},
            "intake.salt_previous: expected another value than that of `salt`",
        ),
    ],
)
def test_salts_that_cannot_be_are_refused_in_one_line(given: dict[str, str], line: str) -> None:
    with pytest.raises(SettingsError) as error:
        stages(given)
    assert str(error.value) == f"environment: {line}"
    assert OLD not in str(error.value)


def test_packets_of_the_version_before_are_read() -> None:
    value = pack(source=0, sources=1, header=ChunkHeader(0.0), rows=columns(b"salt"))
    before = msgspec.msgpack.encode(msgspec.msgpack.decode(value) | {"version": 12})
    assert unpack(before).version == PACKET_VERSION
    assert event_rows(unpack(before)).columns.keys() == EVENT_COLUMNS.keys()


def test_indicators_of_the_version_before_have_no_alias() -> None:
    rows = [(b"v\x01", b"row"), (b"v\x02", None), (b"a\0\0x", b"chunk")]
    assert state_5.links(rows) == [(b"v\x01", b"row" + bytes(8)), *rows[1:]]
