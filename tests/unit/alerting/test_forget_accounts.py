"""What incidents, verdicts and suppressions have of a forgotten account, and what is sent then."""

from __future__ import annotations

from datetime import datetime

import msgspec
import pytest

from stream.alerting.feedback_settings import FeedbackSettings
from stream.campaigns.settings import CampaignSettings
from stream.core.alerts import FORGOTTEN, Alert, alert_in, without_accounts
from stream.core.feedback import Suppression, Verdict
from stream.metrics import Metrics
from stream.pipeline.incident_flow import IncidentFlow
from testlib.builders import ALERTING, START_S, finding, pool, step
from testlib.durable import changes

HOUR = 60.0


def flow() -> IncidentFlow:
    return IncidentFlow(ALERTING, CampaignSettings(), FeedbackSettings(), metrics=Metrics())


def rows(incidents: IncidentFlow) -> bytes:
    return b"".join(key + (row or b"") for key, row in changes(incidents) if row is not None)


def verdict(alert_id: str, label: str) -> Verdict:
    given = {"alert_id": alert_id, "verdict": label, "author": "ana", "time": START_S}
    return msgspec.convert(given, Verdict)


def suppression(match: str) -> Suppression:
    return Suppression(
        suppression_id="sup_" + 20 * "1",
        by="account",
        match=match,
        author="ana",
        reason="r",
        time=START_S,
        expires=START_S + 86400,
    )


def test_its_own_incident_ends_and_others_hear_nothing() -> None:
    incidents = flow()
    opened = step(incidents, 10, [finding("a", 10), finding("b", 10)])
    assert [alert.account_id for alert in opened] == ["a", "b"]
    (ended,) = incidents.forget_accounts(START_S + 60 * 11, {"a"})
    assert (ended.alert_id, ended.status) == (opened[0].alert_id, "resolved")
    assert ended.summary == FORGOTTEN
    assert incidents.forget_accounts(START_S + 60 * 12, {"a"}) == []
    again = step(incidents, 20, [finding("a", 20)])
    assert [(alert.account_id, alert.status) for alert in again] == [("a", "firing")]


def test_a_campaign_goes_on_without_it_and_nothing_is_sent() -> None:
    incidents = flow()
    (alert,) = step(incidents, 10, groups=pool(10))
    members = alert.account_ids or []
    assert "p003" in members
    changes(incidents)
    assert incidents.forget_accounts(START_S + 60 * 11, {"p003", "p019"}) == []
    changed = rows(incidents)
    assert b"p003" not in changed
    assert b"p004" in changed
    later = step(incidents, 60, groups=pool(60, 30))
    assert later
    without = [name for name in members if name not in {"p003", "p019"}]
    assert {*without} <= {*(later[-1].account_ids or [])}


def test_a_verdict_and_a_suppression_keep_no_id() -> None:
    incidents = flow()
    (alert,) = step(incidents, 10, [finding("account-of-one", 10)])
    incidents.record_feedback(START_S + 660, [verdict(alert.alert_id, "benign")], [])
    incidents.record_feedback(START_S + 660, [], [suppression("account-of-one")])
    assert b"account-of-one" in rows(incidents)
    incidents.forget_accounts(START_S + 720, {"account-of-one"})
    changed = dict(changes(incidents))
    assert b"account-of-one" not in b"".join(row or b"" for row in changed.values())
    assert [key[:1] for key, row in changed.items() if row is None] == [b"s", b"i"]
    # What the verdict muted is a new account now.
    assert [a.status for a in step(incidents, 20, [finding("account-of-one", 20)])] == ["firing"]


def test_a_state_without_some_accounts_is_as_consistent_as_it_was() -> None:
    (alert,) = step(flow(), 10, groups=pool(10))
    gone = {"p000", "p007", "p023", "unknown"}
    left = without_accounts(alert, gone)
    before, now = alert.account_ids or [], left.account_ids or []
    assert now == [name for name in before if name not in gone]
    for one, other in ((alert, left), (left, without_accounts(left, gone))):
        assert named(other) == {(kind, name) for kind, name in named(one) if name not in gone}
    assert datetime.fromisoformat(alert.updated_at) < datetime.fromisoformat(left.updated_at)
    assert left.refresh
    assert alert_in(msgspec.json.encode(left)) == left


@pytest.mark.parametrize("time", ["", "soon", "9999-12-31T23:59:59.9Z", "0001-01-01T00:00+14:00"])
def test_a_forged_time_of_a_state_keeps_no_account_in_it(time) -> None:
    (one,) = step(flow(), 10, groups=pool(10))
    alert = msgspec.structs.replace(one, updated_at=time)
    left = without_accounts(alert, {*(alert.account_ids or ())})
    assert (left.account_ids, left.updated_at) == ([], time)


def test_the_last_state_of_a_forgotten_account_names_no_one() -> None:
    (alert,) = step(flow(), 10, [finding("account-of-one", 10)])
    left = without_accounts(alert, {"account-of-one"})
    assert b"account-of-one" not in msgspec.json.encode(left)
    assert (left.alert_id, left.status, left.observed) == (
        alert.alert_id,
        "resolved",
        alert.observed,
    )


def named(alert: Alert) -> set[tuple[str, str]]:
    """Return which account is in which group and behind which link."""
    ids = alert.account_ids or []
    places = [(f"{g.degree} {g.why}", g.members) for g in alert.members]
    places += [(f"{one.link} {one.value}", one.members) for one in alert.links]
    return {(kind, ids[i]) for kind, members in places for i in members}
