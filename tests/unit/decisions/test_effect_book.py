"""Reports of enforcers, whatever their order, and what they add up to."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.decisions import Reason, TrafficBefore
from stream.core.effects import EffectReport
from stream.core.secret import Secret
from stream.decisions.applied import on_applied
from stream.decisions.effect_book import MOST_NAMED, EffectBook
from stream.decisions.register import SUSPICIOUS, Reading
from stream.decisions.signature import DECISIONS, EFFECTS, Signer
from stream.decisions.transitions import approve, undo
from testlib.decisions import ALICE, KEY, NOW_S, of_accounts, proposal, read, register_of, stored

SIGNS = Signer(Secret(KEY), EFFECTS)
HOUR_S = 3600.0
BEFORE = TrafficBefore(
    accounts=10, requests=1000, output_tokens=500_000, output_tokens_last_hour=100_000
)
DECISION = approve(
    stored(of_accounts(5, reason=Reason(alert_id="inc_1", alerted_at=NOW_S - 90, before=BEFORE))),
    ALICE,
    NOW_S,
).decision


def report(run=1, **changes):
    given_: dict[str, Any] = {
        "decision_id": DECISION.key,
        "enforcer": "edge-1",
        "run": f"{run:016x}",
        "gateway": "1",
        "held_at": NOW_S + 1,
    }
    return EffectReport(**given_ | changes)


def take(book, *reports, signer=SIGNS):
    found = []
    for one in reports:
        key, value = one.key.encode(), msgspec.json.encode(one)
        found.append(book.read(key, value, signer.sign(key, value)))
    return found


def book_of(*reports, most=1000):
    book = EffectBook(SIGNS, most=most)
    take(book, *reports)
    return book


def counts(book, decision=DECISION):
    found = book.effect(decision, NOW_S + HOUR_S)
    return found.refused, found.slowed, found.changed, found.simulated


def test_runs_and_gateways_add_up_and_one_run_replaces_itself():
    book = book_of(
        report(1, refused_requests=3),
        report(1, refused_requests=5, changed_requests=1),
        report(1, gateway="2", slowed_requests=2),
        report(2, refused_requests=1),  # the enforcer was started again
        report(3, enforcer="edge-2", refused_requests=4, simulated_requests=6),
    )
    assert counts(book) == (10, 2, 1, 6)


def test_a_repeated_or_late_report_counts_nothing():
    first, second = report(refused_requests=3), report(refused_requests=5)
    book = EffectBook(SIGNS, most=100)
    assert take(book, second, second, first, second) == [
        Reading.NEWER,
        Reading.KNOWN,
        Reading.OLDER,
        Reading.KNOWN,
    ]
    assert counts(book) == (5, 0, 0, 0)


@given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=6))
def test_the_order_and_the_number_of_readings_make_no_difference(order, repeated):
    every = [
        report(run, gateway=gateway, refused_requests=number)
        for run in (1, 2)
        for gateway in ("1", "2")
        for number in (1, 2, 5)
    ]
    shuffled = book_of(*(every[place] for place in [*order, *repeated]))
    assert counts(shuffled) == counts(book_of(*every)) == (20, 0, 0, 0)
    assert len(shuffled) == 4


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"signature": None}, Reading.UNSIGNED),
        ({"signature": b"0" * 64}, Reading.FORGED),
        ({"value": None}, Reading.REMOVED),
        ({"signer": Signer(Secret("x" * 32), EFFECTS)}, Reading.FORGED),
        # A decision's signature is no report's, even with our key.
        ({"signer": Signer(Secret(KEY), DECISIONS)}, Reading.FORGED),
        ({"key": b"dec_" + b"2" * 20}, Reading.MISPLACED),
        ({"value": b"{"}, Reading.UNREADABLE),
        ({"value": b"\xff"}, Reading.UNREADABLE),
        ({"refused_requests": -1}, Reading.UNREADABLE),
        ({"refused_requests": 10**16}, Reading.UNREADABLE),
        ({"refused_requests": 10**30}, Reading.UNREADABLE),
        ({"held_at": -5.0}, Reading.UNREADABLE),
        ({"run": "x"}, Reading.UNREADABLE),
        ({"gateway": "g" * 17}, Reading.UNREADABLE),
        ({"decision_id": "dec_1"}, Reading.UNREADABLE),
    ],
)
def test_a_hostile_report_is_named_and_counts_nothing(changed, expected):
    book = book_of(report(refused_requests=3))
    fields = msgspec.to_builtins(report(2, refused_requests=9))
    value = msgspec.json.encode(fields | {k: v for k, v in changed.items() if k in fields})
    value = changed.get("value", value)
    key = changed.get("key", report(2).key.encode())
    signature = changed.get("signer", SIGNS).sign(key, value or b"")
    assert book.read(key, value, changed.get("signature", signature)) is expected
    assert expected in SUSPICIOUS
    assert counts(book) == (3, 0, 0, 0)


def test_a_report_about_another_decision_is_kept_apart():
    other = proposal(decision_id="dec_" + "9" * 20)
    book = book_of(report(decision_id=other.key, refused_requests=7))
    assert counts(book) == (0, 0, 0, 0)
    assert counts(book, other) == (7, 0, 0, 0)


def test_an_enforcer_that_holds_a_decision_makes_it_active_without_any_request():
    known = stored(DECISION)
    book, register = book_of(), register_of(known)
    assert on_applied(register, book, NOW_S + 5) == []
    take(book, report(gateway="", enforcer="edge-2", held_at=NOW_S + 3), report(2, gateway=""))
    (active,) = on_applied(register, book, NOW_S + 5)
    assert (active.decision.state, active.decision.actor.name) == ("active", "edge-1")
    assert read(register, active) == [Reading.NEWER]
    # One state of a decision, however many reports come.
    take(book, report(5, gateway=""), report(refused_requests=4))
    assert on_applied(register, book, NOW_S + 9) == []
    named = book.followed(active.decision, NOW_S + 9).applied
    assert [(one.enforcer, one.at) for one in named] == [
        ("edge-1", NOW_S + 1),
        ("edge-2", NOW_S + 3),
    ]


@pytest.mark.parametrize(
    ("changes", "of_report", "after_s"),
    [
        ({"simulated": True}, {}, 5.0),
        ({}, {"simulated": True}, 5.0),  # an enforcer that observes
        ({}, {}, 2 * 86_400.0),  # it has ended
    ],
)
def test_what_is_not_carried_out_does_not_become_active(changes, of_report, after_s):
    known = stored(msgspec.structs.replace(DECISION, **changes))
    book = book_of(report(gateway="", **of_report))
    assert on_applied(register_of(known), book, NOW_S + after_s) == []


def test_an_undone_decision_stays_undone_when_a_late_report_makes_it_active():
    approved = stored(DECISION)
    (active,) = on_applied(register_of(approved), book_of(report(gateway="")), NOW_S + 5)
    undone = undo(approved, ALICE, NOW_S + 5)
    for order in ((active, undone), (undone, active)):
        register = register_of(approved, *order)
        assert [one.decision.state for one in register.states] == ["undone"]


def test_times_are_from_the_alert_to_the_approval_and_to_the_first_refusal():
    book = book_of(
        report(1, refused_requests=1, first_refused_at=NOW_S + 7),
        report(2, slowed_requests=1, first_refused_at=NOW_S + 4),
        report(3, changed_requests=1),
    )
    effect = book.effect(DECISION, NOW_S + 60)
    assert (effect.alert_to_approval_s, effect.approval_to_refusal_s) == (90.0, 4.0)
    # A clock that is behind makes no time negative.
    early = book_of(report(refused_requests=1, first_refused_at=NOW_S - 7))
    assert early.effect(DECISION, NOW_S + 60).approval_to_refusal_s == 0
    assert book_of().effect(proposal(), NOW_S).approval_to_refusal_s is None


def test_the_book_is_bounded_and_drops_what_was_held_first():
    many = [
        report(decision_id=f"dec_{number:020d}", held_at=NOW_S + number, refused_requests=1)
        for number in range(130)
    ]
    book = book_of(*many, most=100)
    assert len(book) <= 100
    assert book.dropped == 130 - len(book)
    assert counts(book, proposal(decision_id=f"dec_{129:020d}")) == (1, 0, 0, 0)
    assert counts(book, proposal(decision_id=f"dec_{0:020d}")) == (0, 0, 0, 0)


def test_the_enforcers_that_are_named_are_bounded():
    book = book_of(*(report(run, enforcer=f"edge-{run}") for run in range(MOST_NAMED + 10)))
    assert len(book.applied(DECISION)) == MOST_NAMED


def test_a_followed_decision_is_the_decision_with_more():
    shown = msgspec.to_builtins(book_of().followed(DECISION, NOW_S))
    assert shown | msgspec.to_builtins(DECISION) == shown
    assert shown["applied"] == []
    assert shown["effect"]["refused"] == 0
