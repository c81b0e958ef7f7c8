"""Decisions, alerts that lead to them, and people, built by hand."""

from __future__ import annotations

from typing import Any

from stream.core.alerts import Alert, MemberGroup
from stream.core.canaries import canary_of
from stream.core.decisions import Actor, Decision, DecisionSubject, Reason
from stream.core.feedback import Verdict, VerdictLabel
from stream.core.findings import Evidence, Observed
from stream.core.secret import Secret
from stream.decisions.guard_rails import GuardRails
from stream.decisions.policy import Policy
from stream.decisions.register import Reading, Register
from stream.decisions.settings import DecisionSettings
from stream.decisions.signature import Signer
from stream.decisions.transitions import Stored

NOW_S = 1_772_500_000.0
DAY_S = 86_400.0
KEY = "k" * 32
SIGNER = Signer(Secret(KEY))
ALICE, BOB, CAROL = (Actor(kind="person", name=name) for name in ("alice", "bob", "carol"))
ALERT_ID = "inc_" + "a" * 20
CANARY = canary_of(987_654_321_000)


def proposal(**changes: Any) -> Decision:
    given: dict[str, Any] = {
        "decision_id": "dec_" + "1" * 20,
        "sequence": 1,
        "state": "proposed",
        "subject": DecisionSubject(kind="account", id="acc-1"),
        "action": "suspend",
        "reason": Reason(alert_id=ALERT_ID, summary="One account extracts"),
        "lasts_s": DAY_S,
        "until": NOW_S + DAY_S,
        "proposed_by": Actor(kind="policy", name="account critical"),
        "proposed_at": NOW_S,
        "actor": Actor(kind="policy", name="account critical"),
        "time": NOW_S,
    }
    return Decision(**given | changes)


def of_accounts(number: int, **changes: Any) -> Decision:
    return proposal(
        subject=DecisionSubject(kind="campaign", id="cmp_1"),
        accounts=[f"acc-{i:05d}" for i in range(number)],
        **changes,
    )


def stored(decision: Decision) -> Stored:
    return Stored.of(decision)


def read(register: Register, *states: Stored) -> list[Reading]:
    """Pass states to a register as the topic would."""
    found = []
    for state in states:
        key = state.decision.key.encode()
        found.append(register.read(key, state.value, SIGNER.sign(key, state.value)))
    return found


def register_of(*states: Stored, most: int = 100_000) -> Register:
    register = Register(SIGNER, most=most)
    read(register, *states)
    return register


def held(register: Register, decision_id: str) -> Stored:
    found = register.get(decision_id)
    assert found is not None
    return found


def policy(**changes: Any) -> Policy:
    settings = DecisionSettings(**{"mode": "propose"} | changes)
    return Policy(settings, GuardRails(settings), lambda: CANARY)


def campaign_alert(certain: int = 5, likely: int = 0, *, first: int = 0, **changes: Any) -> Alert:
    ids = [f"acc-{i:05d}" for i in range(first, first + certain + likely)]
    given: dict[str, Any] = {
        "kind": "campaign",
        "campaign_id": "cmp_1",
        "account_ids": ids,
        "members": [
            MemberGroup(degree="certain", why="x", members=list(range(certain))),
            MemberGroup(degree="likely", why="x", members=list(range(certain, certain + likely))),
        ],
        "summary": f"{certain} accounts extract",
    }
    return account_alert(**given | {"account_id": None} | changes)


def account_alert(**changes: Any) -> Alert:
    given: dict[str, Any] = {
        "alert_id": ALERT_ID,
        "kind": "account",
        "status": "firing",
        "severity": "critical",
        "score": 0.99,
        "account_id": "acc-1",
        "started_at": "2026-03-02T03:04:00Z",
        "detected_at": "2026-03-02T03:10:00Z",
        "updated_at": "2026-03-02T03:20:00Z",
        "summary": "One account extracts",
        "evidence": [
            Evidence(
                feature="extraction_volume", value=1, unit="u", baseline=0.5, contribution=0.1,
                meaning="m",
            )
        ],
        "observed": Observed(requests=10),
        "techniques": [],
        "runbook_url": "",
        "model_version": "campaigns-8",
    }  # fmt: skip
    return Alert(**given | changes)


def verdict(label: VerdictLabel, author: str = "alice") -> Verdict:
    return Verdict(alert_id=ALERT_ID, label=label, author=author, time=NOW_S, note="a class")
