from __future__ import annotations

import itertools
import json
import re

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stix2validator import ValidationOptions, validate_string

from stream.core.alerts import SharedValue
from stream.core.indicators import ShareableValue, SharedKind, with_confidence
from stream.sharing import export_book
from stream.sharing import vocabulary as v
from stream.sharing.bundle import bundle
from stream.sharing.export_book import ExportBook
from testlib.decisions import SIGNER
from testlib.oversight import SUSPENDED, campaign, incident, of_decision, of_verdict, seconds
from testlib.sharing import KEY_ID, indicator

OPERATOR = "Example Gateway"
FOREIGN = indicator("00000000000000f1", source="identity--11111111-2222-4333-8444-555555555555")
FOREIGN_MARK = int(with_confidence(np.array([0xF1], np.uint64), np.array([80]))[0])
#: Kind -> fingerprint under the own salt, and as it may be shared.
VALUES: dict[SharedKind, tuple[int, str]] = {
    "system_prompt": (0xA1, "b100000000000001"),
    "template": (0xA2, "b100000000000002"),
    "conversation": (0xA3, "b100000000000003"),
    "client": (0xA4, "b100000000000004"),
    "network": (0xA5, "198.51.100.0/24"),
}
LINKS = [
    *(
        SharedValue(link=kind, value=f"{own:016x}", accounts=6, members=[0])
        for kind, (own, _) in VALUES.items()
    ),
    SharedValue(link="payment", value=f"{0xA6:016x}", accounts=8, members=[0]),
    SharedValue(link="address", value=f"{0xA7:016x}", accounts=8, members=[0]),
    SharedValue(link="phrase", value=f"{0xA8:016x}", accounts=8, members=[0]),
    SharedValue(link="indicator", value=f"{FOREIGN_MARK:016x}", accounts=4, members=[0]),
]  # fmt: skip
ALERT = campaign(20, 90_000, links=LINKS)


def values() -> list[ShareableValue]:
    return [
        ShareableValue(
            kind=kind,
            own=f"{own:016x}",
            key_id="" if kind == "network" else KEY_ID,
            shared=shared,
        )
        for kind, (own, shared) in VALUES.items()
    ]


def book(*alerts, verdict=None, wanted=(), shareable=None) -> ExportBook:
    found = ExportBook(frozenset(wanted), (seconds(0), seconds(1000)), SIGNER, 100)
    for one in alerts or (ALERT,):
        found.take_alert(msgspec.json.encode(one))
    for one in values() if shareable is None else shareable:
        found.take_value(msgspec.json.encode(one))
    found.take_foreign(msgspec.json.encode(FOREIGN))
    found.take_decision(*of_decision(SUSPENDED.decision)[1][1:])
    if verdict:
        found.take_verdict(of_verdict(1, verdict, seconds(50))[1].value)
    return found


def made(found: ExportBook) -> list[dict]:
    text, _ = bundle(found, operator=OPERATOR, valid_s=30 * 86_400.0)
    return json.loads(text)["objects"]


def of_type(objects: list[dict], type_: str) -> list[dict]:
    return [one for one in objects if one["type"] == type_]


#: Checks of the validator that do not apply: words that are no part of its vocabularies of 2020.
OPTIONS = ValidationOptions(version="2.1", strict_types=False)


def assert_valid(text: bytes) -> None:
    result = validate_string(text.decode(), OPTIONS)
    assert result.is_valid, [str(error) for error in result.errors]


@pytest.mark.parametrize("tlp", v.TLP_MARKINGS)
def test_every_bundle_is_valid_stix_and_marked(tlp) -> None:
    text, counts = bundle(book(), operator=OPERATOR, valid_s=86_400.0, tlp=tlp)
    assert_valid(text)
    assert counts["indicator"] == 5
    objects = json.loads(text)["objects"]
    (marking,) = of_type(objects, "marking-definition")
    assert (marking["id"], marking["name"]) == (v.TLP_MARKINGS[tlp], f"TLP:{tlp.upper()}")
    unmarked = {one["type"] for one in objects if "object_marking_refs" not in one}
    assert unmarked == {"identity", "extension-definition", "marking-definition"}
    assert all(
        one.get("object_marking_refs", [marking["id"]]) == [marking["id"]] for one in objects
    )


def test_the_validator_refuses_what_is_no_stix() -> None:
    text = bundle(book(), operator=OPERATOR, valid_s=86_400.0)[0].decode()
    for damage in (text.replace("valid_from", "from"), text.replace("ISSUBSET", "WITHIN")):
        assert damage != text
        with pytest.raises(AssertionError):
            assert_valid(damage.encode())


def test_a_bundle_names_the_campaign_what_identifies_it_and_what_was_done() -> None:
    objects = made(book())
    types = {one["type"] for one in objects}
    assert types == {
        "identity", "campaign", "indicator", "infrastructure", "sighting", "course-of-action",
        "attack-pattern", "relationship", "extension-definition", "marking-definition",
        "ipv4-addr",
    }  # fmt: skip
    (one,) = of_type(objects, "campaign")
    assert (one["first_seen"], one["last_seen"]) == ("2026-03-01T08:00:00Z", "2026-03-01T20:00:00Z")
    assert one["confidence"] == round(100 * ALERT.score)
    keyed = {
        (found["scheme"], found["key_id"], found["value"])
        for one in of_type(objects, "indicator")
        for found in one.get("extensions", {}).values()
    }
    assert keyed == {
        (v.SCHEME_OF[kind], KEY_ID, shared)
        for kind, (_, shared) in VALUES.items()
        if kind != "network"
    }
    assert "[ipv4-addr:value ISSUBSET '198.51.100.0/24']" in {
        one["pattern"] for one in of_type(objects, "indicator")
    }
    assert {one["valid_until"] for one in of_type(objects, "indicator")} == {"2026-03-31T20:00:00Z"}
    (action,) = of_type(objects, "course-of-action")
    assert action["name"] == "suspend 8 accounts"
    assert {
        one["external_references"][0]["external_id"] for one in of_type(objects, "attack-pattern")
    } == {"AML.T0024.002", "LLM10:2025"}
    sighted = {one["sighting_of_ref"]: one["count"] for one in of_type(objects, "sighting")}
    assert sighted == {one["id"]: 9_000, FOREIGN.indicator_id: 4}
    ids = {one["id"] for one in objects} | {FOREIGN.indicator_id}
    assert {
        one[end] for one in of_type(objects, "relationship") for end in ("source_ref", "target_ref")
    } <= ids


def test_nothing_leaves_but_what_may() -> None:
    """No account, payment, address or own fingerprint, no person, no words of people."""
    text = bundle(book(verdict="true_positive"), operator=OPERATOR, valid_s=9e5)[0].decode()
    never = [*(ALERT.account_ids or ()), *ALERT.peripheral_ids, ALERT.summary, "alice", "ana"]
    never += [one.value for one in LINKS]
    assert all(len(secret) > 2 for secret in never)
    assert [secret for secret in never if secret in text] == []
    addresses = re.findall(r"\d+\.\d+\.\d+\.\d+(?:/\d+)?", text)
    assert {*addresses} == {"198.51.100.0/24"}


@pytest.mark.parametrize(
    ("kind", "accounts", "leaves"),
    [("network", 4, False), ("network", 5, True), ("client", 2, False), ("client", 3, True),
     ("conversation", 1, False), ("conversation", 2, True)],
)  # fmt: skip
def test_a_value_of_few_members_does_not_leave(kind, accounts, leaves) -> None:
    own, shared = VALUES[kind]
    link = SharedValue(link=kind, value=f"{own:016x}", accounts=accounts, members=[0])
    text = bundle(book(campaign(20, 90_000, links=[link])), operator=OPERATOR, valid_s=9e5)[
        0
    ].decode()
    assert (shared in text) is leaves


def test_the_same_records_in_any_order_give_the_same_bytes() -> None:
    states = [campaign(hour, 1000 * hour, links=LINKS) for hour in (12, 16, 20)]
    other = campaign(22, 5_000, 2, links=LINKS[:2])
    found = {
        bundle(book(*order), operator=OPERATOR, valid_s=9e5)[0]
        for order in itertools.permutations([*states, other])
    }
    assert len(found) == 1
    assert_valid(found.pop())


def test_a_later_export_of_a_campaign_is_a_later_version_of_the_same_objects() -> None:
    early, late = made(book(campaign(12, 9_000, links=LINKS))), made(book())
    first, second = ({one["id"]: one for one in objects} for objects in (early, late))
    assert first.keys() == second.keys()
    changed = {id_ for id_ in first if first[id_] != second[id_]}
    assert {one["id"] for one in of_type(late, "indicator")} <= changed
    assert all(first[id_]["modified"] < second[id_]["modified"] for id_ in changed)


@pytest.mark.parametrize("verdict", ["false_positive", "benign"])
def test_what_people_found_harmless_is_revoked(verdict) -> None:
    text, _ = bundle(book(verdict=verdict), operator=OPERATOR, valid_s=9e5)
    assert_valid(text)
    objects = json.loads(text)["objects"]
    for type_ in ("campaign", "indicator", "infrastructure", "sighting"):
        assert all(one["revoked"] for one in of_type(objects, type_))


def test_drills_single_accounts_and_other_incidents_are_not_exported() -> None:
    drill = campaign(20, 9_000, 3, drill=True)
    alone = msgspec.structs.replace(ALERT, kind="account", account_id="a", campaign_id=None)
    assert not book(drill, alone).campaigns
    assert not book(campaign(2_000, 9_000, 4, detected=1_900.0)).campaigns
    assert [*book(ALERT, campaign(20, 9, 2), wanted=[incident(2)]).campaigns] == [incident(2)]
    assert [*book(ALERT, wanted=[ALERT.campaign_id]).campaigns] == [ALERT.alert_id]


def test_without_values_that_may_be_shared_the_campaign_is_reported_without_indicators() -> None:
    text, counts = bundle(book(shareable=[]), operator=OPERATOR, valid_s=9e5)
    assert_valid(text)
    assert (counts["campaign"], counts.get("indicator", 0)) == (1, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"shared": "You are an annotator"},
        {"kind": "network", "key_id": "", "shared": "198.51.100.7/32"},
        {"kind": "network", "key_id": "", "shared": "10.1.2.0/24"},
        {"kind": "network", "key_id": "", "shared": "1.2.3.0/24' OR [x:y = '"},
        {"key_id": ""},
    ],
)
def test_a_forged_value_does_not_leave(changes) -> None:
    given = {"kind": "template", "own": f"{0xA2:016x}", "key_id": KEY_ID, "shared": "b" * 16}
    forged = given | changes
    forged["own"] = f"{VALUES[forged['kind']][0]:016x}"
    found = book(shareable=[])
    found.take_value(msgspec.json.encode(forged))
    assert found.damaged == 1
    assert of_type(made(found), "indicator") == []


def test_no_number_of_other_records_takes_the_room_of_those_of_a_campaign(monkeypatch) -> None:
    monkeypatch.setattr(export_book, "MOST_VALUES", len(LINKS))
    others = [msgspec.structs.replace(values()[0], own=f"{number:016x}") for number in range(1, 99)]
    found = book(shareable=[*others, *values()])
    assert len(of_type(made(found), "indicator")) == len(VALUES)
    assert len(found._values) == len(VALUES)


HOSTILE = st.text(max_size=40)


@settings(deadline=None, max_examples=60)
@given(
    operator=st.text(min_size=1, max_size=128),
    changes=st.fixed_dictionaries(
        {},
        optional={
            "campaign_id": HOSTILE,
            "techniques": st.lists(HOSTILE, max_size=2),
            "started_at": HOSTILE,
            "updated_at": HOSTILE,
            "summary": HOSTILE,
            "model_version": HOSTILE,
        },
    ),
)
def test_hostile_names_in_alerts_and_settings_give_a_valid_bundle_or_none(
    operator, changes
) -> None:
    alert = msgspec.structs.replace(ALERT, **changes)
    found = book(alert)
    text, _ = bundle(found, operator=operator, valid_s=9e5)
    assert_valid(text)
    for name in ("campaign_id", "summary", "model_version"):
        value = changes.get(name, "")
        if len(value) > 12 and value not in operator:
            assert json.dumps(value)[1:-1] not in text.decode()
