"""How receivers get the degrees of a campaign's accounts."""

from __future__ import annotations

import msgspec

from stream.core.alerts import Alert, MemberGroup
from stream.core.findings import Observed
from stream.delivery.message import MAX_BYTES, write
from stream.delivery.ocsf import finding
from stream.delivery.open_alerts import annotations_of
from stream.delivery.pagerduty import event
from stream.delivery.slack import chat


def campaign(members: int, peripheral: int) -> Alert:
    certain, likely = [*range(0, members, 2)], [*range(1, members, 2)]
    return Alert(
        alert_id="inc_1",
        kind="campaign",
        status="firing",
        severity="warning",
        score=0.99,
        campaign_id="cmp_1",
        account_ids=[f"member-{i:05}" for i in range(members)],
        peripheral_ids=[f"beside-{i:05}" for i in range(peripheral)],
        members=[
            MemberGroup(degree="certain", why="shares payments", members=certain),
            MemberGroup(degree="likely", why="as new", members=likely),
            MemberGroup(degree="peripheral", why="they repeat it", members=[*range(peripheral)]),
        ],
        started_at="2026-01-02T03:04:00Z",
        detected_at="2026-01-02T03:10:00Z",
        updated_at="2026-01-02T03:10:00Z",
        summary="A campaign",
        evidence=[],
        observed=Observed(requests=1),
        techniques=[],
        runbook_url="",
        model_version="1",
    )


def test_a_message_that_is_cut_has_no_places_of_accounts_that_are_gone() -> None:
    body = write(campaign(3000, 500)).body
    data = msgspec.json.decode(body)["data"]
    assert len(body.encode()) <= MAX_BYTES
    assert data["account_ids_total"] == 3000
    assert 0 < len(data["account_ids"]) < 3000
    assert data["peripheral_ids"] == []
    for group in data["members"]:
        names = data["peripheral_ids" if group["degree"] == "peripheral" else "account_ids"]
        assert all(place < len(names) for place in group["members"])


def test_a_small_message_has_all_of_them() -> None:
    data = msgspec.json.decode(write(campaign(9, 2)).body)["data"]
    assert [len(group["members"]) for group in data["members"]] == [5, 4, 2]
    assert len(data["peripheral_ids"]) == 2


def test_every_receiver_gets_the_numbers_and_acts_on_no_peripheral_account() -> None:
    alert = campaign(9, 2)
    counts = {"certain": 5, "likely": 4, "peripheral": 2}
    assert finding(alert)["unmapped"]["degrees"] == counts
    assert event(alert, "key")["payload"]["custom_details"]["degrees"] == counts
    assert annotations_of(alert)["degrees"] == "5 certain, 4 likely, 2 only peripheral"
    assert "5 certain, 4 likely, 2 only peripheral" in str(chat(alert))
    for shown in (finding(alert), event(alert, "key"), annotations_of(alert), chat(alert)):
        assert "beside-" not in str(shown)
