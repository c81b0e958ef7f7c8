"""What the demo's last table counts: only what the gateway let through, and when."""

from __future__ import annotations

import msgspec
import pytest
from rich.console import Console

from stream.core.decisions import Decision, DecisionSubject
from stream.tools.demo.response_ledger import CampaignResponse, DemoResponse, ResponseLedger
from stream.tools.demo.response_table import render
from stream.tools.report.labels import Labels
from stream.tools.simulate.request import Request
from testlib.decisions import NOW_S, of_accounts, proposal

LABELS = Labels.of(
    [
        ("acc-00000", "attack", "pool-1"),
        ("acc-00001", "attack", "pool-1"),
        ("acc-00002", "attack", "pool-1"),
        ("lone", "attack", ""),
        ("good-1", "benign", ""),
        ("good-2", "benign", ""),
    ]
)


def approved(number: int, **changes: object) -> Decision:
    return of_accounts(number, state="approved", approved_at=NOW_S + 2, **changes)


def send(
    ledger: ResponseLedger, account: str, *, time: float = NOW_S, refused: bool = False
) -> None:
    # A status of the model itself is no refusal of the gateway.
    tried = Request(timestamp=1.0, account_id=account, model="m", output_tokens=10, status=429)
    ledger.on_request(tried, refused=refused, time=time)


def of(ledger: ResponseLedger, name: str) -> CampaignResponse:
    return next(row for row in ledger.response(0).campaigns if row.campaign == name)


def test_what_passes_after_the_approval_has_leaked_and_what_is_refused_has_not() -> None:
    ledger = ResponseLedger(LABELS)
    for account in ("acc-00000", "acc-00001"):
        send(ledger, account)
    ledger.on_alert(["acc-00000", "acc-00001"], NOW_S + 1)
    ledger.on_alert(["acc-00000", "acc-00002"], NOW_S + 1.5)
    ledger.on_approved(approved(2))
    send(ledger, "acc-00000")  # the enforcer does not know it yet
    send(ledger, "acc-00000", time=NOW_S + 2.5, refused=True)
    send(ledger, "acc-00001", time=NOW_S + 3, refused=True)
    send(ledger, "acc-00002")  # not named by the decision
    found = of(ledger, "pool-1")
    assert (found.accounts, found.acted_on, found.action) == (3, 2, "suspend")
    assert (found.alert_to_approval_s, found.approval_to_refusal_s) == (1.0, 0.5)
    assert (found.requests, found.refused, found.leaked_after) == (6, 2, 20)
    assert found.leaked_after_share == pytest.approx(20 / 60)


def test_without_a_decision_there_is_nothing_to_count() -> None:
    ledger = ResponseLedger(LABELS)
    send(ledger, "lone")
    found = of(ledger, "lone")
    assert (found.acted_on, found.action, found.leaked_after) == (0, None, None)
    assert (found.alert_to_approval_s, found.leaked_after_share) == (None, None)


def test_the_strongest_action_is_shown_and_all_accounts_that_are_acted_on() -> None:
    ledger = ResponseLedger(LABELS)
    ledger.on_approved(approved(1, action="suspend"))
    ledger.on_approved(approved(3, action="watch"))
    ledger.on_approved(
        proposal(
            subject=DecisionSubject(kind="account", id="lone"), action="watch", approved_at=NOW_S
        )
    )
    assert (of(ledger, "pool-1").action, of(ledger, "pool-1").acted_on) == ("suspend", 3)
    assert of(ledger, "lone").action == "watch"


def test_a_benign_account_that_is_refused_shows() -> None:
    ledger = ResponseLedger(LABELS)
    send(ledger, "good-1")
    assert ledger.response(0).benign.refused == 0
    send(ledger, "good-2", refused=True)
    benign = ledger.response(0).benign
    assert (benign.accounts, benign.requests, benign.refused) == (2, 2, 1)


def test_the_table_shows_every_campaign_and_the_others_last() -> None:
    ledger = ResponseLedger(LABELS)
    ledger.on_approved(approved(3))
    send(ledger, "acc-00000")
    send(ledger, "acc-00000", time=NOW_S + 3, refused=True)
    console = Console(width=200)
    with console.capture() as shown:
        console.print(render(ledger.response(0), 960.0))
    lines = shown.get().splitlines()
    assert [line.split("│")[1].strip() for line in lines if line.startswith("│")] == [
        "lone", "pool-1", "everyone else",
    ]  # fmt: skip
    assert "3 of 3" in shown.get()
    assert "1 of 2" in shown.get()
    assert "10 (50.0%)" in shown.get()
    assert "16 minutes" in shown.get()
    response = msgspec.structs.replace(ledger.response(0), unanswered=7)
    assert isinstance(response, DemoResponse)
    with console.capture() as shown:
        console.print(render(response, 960.0))
    assert "7 requests passed without an enforcer's answer" in " ".join(shown.get().split())
