"""Only signed decisions have canaries that count; a file of the audit gives the same."""

from __future__ import annotations

import pytest

from stream.core.decisions import Limits
from stream.core.errors import UsageError
from stream.core.secret import Secret
from stream.decisions.audit_chain import Link, note
from stream.decisions.canary_register import CanaryRegister
from stream.decisions.register import Reading
from stream.decisions.signature import Signer
from stream.decisions.transitions import approve, undo
from testlib.decisions import ALICE, CANARY, NOW_S, SIGNER, proposal, stored

FIRST = stored(proposal(action="mark", limits=Limits(canary=CANARY)))
STATES = [FIRST, approve(FIRST, ALICE, NOW_S), undo(approve(FIRST, ALICE, NOW_S), ALICE, NOW_S + 9)]


def record(state, signer=SIGNER):
    key = state.decision.key.encode()
    return key, state.value, signer.sign(key, state.value)


def test_the_last_state_counts_in_any_order() -> None:
    found = []
    for states in (STATES, STATES[::-1], [*STATES, STATES[0]]):
        register = CanaryRegister(SIGNER)
        for state in states:
            register.take(*record(state))
        found.append(register.canaries())
    assert found[0] == found[1] == found[2]
    (decision,) = found[0].decisions
    assert (decision.state, decision.limits.canary) == ("undone", CANARY)


def test_what_is_not_signed_is_counted_and_left_out() -> None:
    register = CanaryRegister(SIGNER)
    key, value, _ = record(FIRST)
    register.take(*record(FIRST, Signer(Secret("x" * 32))))
    register.take(key, value, None)
    assert (register.canaries().suspicious, register.canaries().decisions) == (2, [])
    assert register.canaries().missing == "none is signed with decisions.key"
    register.take(*record(FIRST))
    assert (len(register.canaries().decisions), register.canaries().missing) == (1, "")


def test_decisions_without_a_canary_take_no_room() -> None:
    register = CanaryRegister(SIGNER, most=1)
    for number in range(20):
        register.take(*record(stored(proposal(decision_id=f"dec_{number:020d}"))))
    register.take(None, None, None)
    register.take(*record(FIRST))
    assert len(register.canaries().decisions) == 1
    other = stored(
        proposal(decision_id="dec_" + "2" * 20, action="mark", limits=Limits(canary=CANARY))
    )
    with pytest.raises(UsageError, match="more than 1 decisions have a canary"):
        register.take(*record(other))


def test_the_audit_has_the_same() -> None:
    register, end = CanaryRegister(SIGNER), Link()
    for offset, state in enumerate(STATES):
        line, end = note(
            end,
            record(state),
            offset=offset,
            reading=Reading.NEWER,
            suspicious=False,
            time=NOW_S,
        )
        assert register.take_entry(line + b"\n")
    (decision,) = register.canaries().decisions
    assert decision.state == "undone"
    for line in (b"", b"{", b"\xff", b"[1]", b"[" * 100_000):
        assert not register.take_entry(line)
