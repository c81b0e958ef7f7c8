from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.decisions import Actor
from stream.core.secret import Secret
from stream.decisions.register import SUSPICIOUS, Reading, Register
from stream.decisions.signature import Signer
from stream.decisions.transitions import applied, approve, refuse, undo
from testlib.decisions import (
    ALICE,
    BOB,
    CAROL,
    NOW_S,
    SIGNER,
    held,
    of_accounts,
    proposal,
    read,
    register_of,
    stored,
)

ID = "dec_" + "1" * 20
PROPOSED = stored(proposal())
APPROVED = approve(PROPOSED, ALICE, NOW_S + 1)
ACTIVE = applied(APPROVED, Actor(kind="clock", name="enforcer"), NOW_S + 2)
UNDONE = undo(APPROVED, BOB, NOW_S + 2)
REFUSED = refuse(PROPOSED, CAROL, NOW_S + 1)


@given(st.lists(st.sampled_from([PROPOSED, APPROVED, ACTIVE, UNDONE, REFUSED]), min_size=1))
def test_every_reader_keeps_the_same_state_in_any_order_and_however_often_it_reads(states):
    different = {state.value: state for state in states}.values()
    latest = {held(register_of(*order), ID).value for order in permutations(different)}
    assert latest == {held(register_of(*states), ID).value}


@pytest.mark.parametrize("order", list(permutations([APPROVED, UNDONE, ACTIVE])))
def test_an_end_is_final_although_a_gateway_had_not_seen_it(order):
    assert held(register_of(PROPOSED, *order), ID).decision.state == "undone"


def test_of_two_people_at_once_the_one_who_interferes_less_counts():
    assert held(register_of(APPROVED, REFUSED), ID).decision.state == "refused"
    assert read(register_of(REFUSED), APPROVED) == [Reading.OLDER]


def test_a_replayed_record_changes_nothing():
    register = register_of(PROPOSED, APPROVED)
    assert read(register, APPROVED, PROPOSED) == [Reading.KNOWN, Reading.OLDER]
    assert held(register, ID).decision.state == "approved"


def test_a_reader_that_missed_states_keeps_the_later_one():
    assert read(Register(SIGNER, most=10), ACTIVE) == [Reading.NEWER]


@pytest.mark.parametrize(
    ("key", "value", "signature", "expected"),
    [
        (ID.encode(), None, None, Reading.REMOVED),
        (ID.encode(), APPROVED.value, None, Reading.UNSIGNED),
        (ID.encode(), APPROVED.value, b"0" * 64, Reading.FORGED),
        (None, APPROVED.value, SIGNER.sign(ID.encode(), APPROVED.value), Reading.FORGED),
        (b"dec_2", APPROVED.value, SIGNER.sign(b"dec_2", APPROVED.value), Reading.MISPLACED),
        (ID.encode(), b"{", SIGNER.sign(ID.encode(), b"{"), Reading.UNREADABLE),
        (ID.encode(), b"\xff", SIGNER.sign(ID.encode(), b"\xff"), Reading.UNREADABLE),
    ],
)
def test_a_record_of_another_writer_is_named_and_changes_nothing(key, value, signature, expected):
    register = register_of(PROPOSED)
    assert register.read(key, value, signature) is expected
    assert expected in SUSPICIOUS
    assert held(register, ID).value == PROPOSED.value


def test_a_state_signed_with_a_key_of_ours_and_changed_afterwards_is_forged():
    value = msgspec.json.encode(msgspec.structs.replace(APPROVED.decision, accounts=[]))
    changed = value.replace(b'"suspend"', b'"watch"')
    signature = SIGNER.sign(ID.encode(), value)
    assert register_of().read(ID.encode(), changed, signature) is Reading.FORGED
    other = Signer(Secret("x" * 32)).sign(ID.encode(), value)
    assert register_of().read(ID.encode(), value, other) is Reading.FORGED


def test_fields_of_a_later_version_are_read_over_and_their_signature_holds():
    value = APPROVED.value[:-1] + b',"of_tomorrow":1}'
    key = ID.encode()
    assert register_of().read(key, value, SIGNER.sign(key, value)) is Reading.NEWER


def test_the_register_is_bounded_and_drops_ended_decisions_before_others():
    def one(number, *, ended):
        made = stored(of_accounts(1, decision_id=f"dec_{number:020d}"))
        return refuse(made, ALICE, NOW_S) if ended else approve(made, ALICE, NOW_S)

    register = register_of(*(one(n, ended=n % 2 == 0) for n in range(40)), most=30)
    left = [state.decision.state for state in register.states]
    assert len(left) <= 30
    assert left.count("approved") == 20
    assert register.dropped == {"refused": 40 - len(left)}
