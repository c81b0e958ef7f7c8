from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.delivery.message import MAX_BYTES, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.core.alerts import Alert

ids = st.text(min_size=1, max_size=300)
shared = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_a_small_alert_is_whole(alert_of: Callable[..., Alert]) -> None:
    alert = alert_of()
    body = json.loads(write(alert).body)
    assert body["data"] == msgspec.to_builtins(alert)
    assert body["type"] == "alert.firing"


def test_a_large_campaign_is_cut_and_has_its_total(alert_of: Callable[..., Alert]) -> None:
    members = [f"account-{n:06d}" for n in range(5000)]
    text = write(alert_of(account_ids=members)).body
    data = json.loads(text)["data"]
    assert MAX_BYTES * 0.95 < len(text.encode()) <= MAX_BYTES
    assert data["account_ids_total"] == 5000
    assert data["account_ids"] == members[: len(data["account_ids"])]
    assert data["evidence"]


def test_long_evidence_is_cut_from_the_weakest(alert_of: Callable[..., Alert]) -> None:
    (first,) = alert_of().evidence
    evidence = [
        msgspec.structs.replace(first, feature=f"f{n}", meaning="x" * 1000) for n in range(50)
    ]
    text = write(alert_of(evidence=evidence)).body
    data = json.loads(text)["data"]
    assert len(text.encode()) <= MAX_BYTES
    assert data["evidence_total"] == 50
    assert data["evidence"][0]["feature"] == "f0"


@shared
@given(st.lists(ids, max_size=400))
def test_no_body_is_too_large(alert_of: Callable[..., Alert], members: list[str]) -> None:
    text = write(alert_of(account_ids=members)).body
    data = json.loads(text)["data"]
    assert len(text.encode()) <= MAX_BYTES
    assert data.get("account_ids_total", len(data["account_ids"])) == len(members)
    assert members[: len(data["account_ids"])] == data["account_ids"]


def test_each_state_has_its_own_id(alert_of: Callable[..., Alert]) -> None:
    first = write(alert_of()).id
    assert write(alert_of(summary="other words")).id == first
    assert "." not in first
    states = [
        alert_of("inc-2"),
        alert_of(status="resolved"),
        alert_of(updated_at="2026-01-02T03:11:00Z"),
    ]
    assert len({first, *(write(state).id for state in states)}) == 4


@pytest.mark.parametrize("kind", ["account", "campaign"])
def test_a_resolved_alert_has_that_type(alert_of: Callable[..., Alert], kind: str) -> None:
    assert (
        json.loads(write(alert_of(kind=kind, status="resolved")).body)["type"] == "alert.resolved"
    )
