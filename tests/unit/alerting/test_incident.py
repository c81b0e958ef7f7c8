"""The state machine of an incident: which states follow which, and that a value never changes."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.alerting.incident import Finding, Incident, IncidentState
from stream.alerting.mute import Mute, MuteReason
from stream.core.findings import Observed

FRESH = Incident(
    alert_id="inc_0", kind="account", subject="a", started=0.0, detected=60.0, last=60.0
)
REASONS: tuple[MuteReason, ...] = ("verdict", "account", "value", "pattern")


def finding(score: float = 0.9, last: float = 60.0, **changes: object) -> Finding:
    found = Finding(
        score=score,
        severity="info",
        last=last,
        evidence=[],
        observed=Observed(requests=1),
        model_version="v",
        summary="s",
    )
    return msgspec.structs.replace(found, **changes)


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_to_mute_has_a_state_of_its_own(reason: MuteReason) -> None:
    muted = FRESH.suppress(60.0, Mute(reason, "").state, count=False)
    assert muted.state == f"suppressed_by_{reason}"
    assert muted.is_open
    assert not muted.is_firing


def test_new_evidence_opens_and_re_opens() -> None:
    opened = FRESH.apply(finding())
    assert opened.state is IncidentState.OPEN
    over = opened.notify(60.0).resolve(120.0, "over")
    assert (over.is_open, over.closed, over.summary) == (False, 120.0, "over")
    assert over.apply(finding(last=180.0)).state is IncidentState.OPEN


def test_evidence_changes_neither_a_notified_nor_a_suppressed_state() -> None:
    for before in (FRESH.notify(60.0), FRESH.suppress(60.0, Mute("value", "").state, count=True)):
        assert before.apply(finding(0.95, 120.0)).state is before.state


def test_severity_and_the_last_evidence_never_go_back() -> None:
    grave = FRESH.apply(finding(severity="critical", last=300.0)).notify(300.0)
    after = grave.apply(finding(0.6, 120.0))
    assert (after.severity, after.last, after.score) == ("critical", 300.0, 0.6)


def test_a_muted_incident_counts_as_sent_when_an_alert_was_due() -> None:
    state = Mute("pattern", "").state
    assert FRESH.suppress(90.0, state, count=False).sent == FRESH.sent
    assert FRESH.suppress(90.0, state, count=True).sent == FRESH.figures(90.0)


steps = st.lists(st.sampled_from(["apply", "notify", "mute", "resolve", "publish"]), max_size=12)


@given(steps)
def test_no_step_changes_the_value_before_it_and_each_message_has_its_own_time(
    names: list[str],
) -> None:
    incident, time, times = FRESH, 60.0, []
    for name in names:
        before = msgspec.msgpack.encode(incident)
        if name == "apply":
            after = incident.apply(finding(last=time))
        elif name == "notify":
            after = incident.notify(time)
        elif name == "mute":
            after = incident.suppress(time, Mute("verdict", "").state, count=True)
        elif name == "resolve":
            after = incident.resolve(time, "over")
        else:
            after = incident.record_published(time)
        assert msgspec.msgpack.encode(incident) == before
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(after), type=Incident) == after
        assert after.updated >= incident.updated
        if name in {"notify", "publish"}:
            times.append(after.updated)
        incident = after
    assert len(set(times)) == len(times)
