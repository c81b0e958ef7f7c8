"""What Alertmanager is posted: what stands, under labels that last, and what has just ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stream.core.errors import SettingsError
from stream.core.findings import Observed
from stream.core.secret import Secret
from stream.delivery.alertmanager_replicas import read_urls
from stream.delivery.open_alerts import OpenAlerts
from stream.delivery.settings import AlertmanagerSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.core.alerts import Alert

NOW = 1_767_324_000.0  # 2026-01-02T03:20:00Z, ten minutes after the alert


def ends(open_alerts: OpenAlerts, now_s: float = NOW) -> dict[tuple[str, str], str]:
    posts = open_alerts.payload(now_s, keep_s=240.0)
    return {(p["labels"]["alert_id"], p["labels"]["severity"]): p["endsAt"] for p in posts}


def test_an_open_incident_is_posted_again_and_again(alert_of: Callable[..., Alert]) -> None:
    open_alerts = OpenAlerts()
    open_alerts.apply(0, alert_of(), NOW)
    assert ends(open_alerts) == {("inc-1", "warning"): "2026-01-02T03:24:00+00:00"}
    assert ends(open_alerts, NOW + 86_400) == {("inc-1", "warning"): "2026-01-03T03:24:00+00:00"}


def test_labels_last_while_everything_else_changes(alert_of: Callable[..., Alert]) -> None:
    posts: list[dict[str, Any]] = []
    for n in range(2):
        open_alerts = OpenAlerts()
        members = [f"acc-{i}" for i in range(99 * n + 1)]
        open_alerts.apply(
            0, alert_of(score=0.9 + n / 100, account_ids=members, summary=str(n)), NOW + n
        )
        posts += open_alerts.payload(NOW + n, keep_s=240.0)
    assert posts[0]["labels"] == posts[1]["labels"]
    assert posts[0]["startsAt"] == posts[1]["startsAt"] == "2026-01-02T03:04:00+00:00"
    assert posts[1]["annotations"]["accounts_total"] == "100"
    assert all(isinstance(text, str) for text in posts[0]["annotations"].values())


def test_newest_figures_are_posted_and_nothing_begins_or_ends_by_them(
    alert_of: Callable[..., Alert],
) -> None:
    open_alerts = OpenAlerts()
    newer = alert_of(refresh=True, observed=Observed(requests=99))
    open_alerts.refresh(newer)
    assert ends(open_alerts) == {}
    open_alerts.apply(0, alert_of(), NOW)
    open_alerts.refresh(newer)
    (post,) = open_alerts.payload(NOW, keep_s=240.0)
    assert post["annotations"]["requests"] == "99"
    assert ends(open_alerts) == {("inc-1", "warning"): "2026-01-02T03:24:00+00:00"}
    open_alerts.apply(0, alert_of(status="resolved", summary="over"), NOW)
    open_alerts.refresh(newer)
    (post,) = open_alerts.payload(NOW, keep_s=240.0)
    assert post["annotations"]["description"] == "over"


def test_an_end_is_posted_for_a_while(alert_of: Callable[..., Alert]) -> None:
    open_alerts = OpenAlerts()
    open_alerts.apply(0, alert_of(), NOW - 100)
    open_alerts.apply(0, alert_of(status="resolved", summary="over"), NOW - 5)
    assert ends(open_alerts) == {("inc-1", "warning"): "2026-01-02T03:19:55+00:00"}
    (post,) = open_alerts.payload(NOW + 800, keep_s=240.0)
    assert post["annotations"]["description"] == "over"
    assert ends(open_alerts, NOW + 900) == {}


def test_a_drill_is_labelled_and_does_not_stay_open_for_ever(
    alert_of: Callable[..., Alert],
) -> None:
    open_alerts = OpenAlerts()
    open_alerts.apply(0, alert_of(drill=True), NOW)
    (post,) = open_alerts.payload(NOW + 3500, keep_s=240.0)
    assert post["labels"]["drill"] == "true"
    assert open_alerts.payload(NOW + 3700, keep_s=240.0) == []


def test_a_graver_incident_ends_under_its_old_severity(alert_of: Callable[..., Alert]) -> None:
    open_alerts = OpenAlerts()
    open_alerts.apply(0, alert_of(), NOW - 100)
    open_alerts.apply(0, alert_of(severity="critical"), NOW - 5)
    open_alerts.apply(0, alert_of(severity="critical", score=0.999), NOW)
    assert ends(open_alerts) == {
        ("inc-1", "warning"): "2026-01-02T03:19:55+00:00",
        ("inc-1", "critical"): "2026-01-02T03:24:00+00:00",
    }


def test_an_incident_that_opens_again_is_open(alert_of: Callable[..., Alert]) -> None:
    open_alerts = OpenAlerts()
    for status in ("firing", "resolved", "firing"):
        open_alerts.apply(0, alert_of(status=status), NOW)
    assert ends(open_alerts) == {("inc-1", "warning"): "2026-01-02T03:24:00+00:00"}


def test_events_ahead_of_our_clock_do_not_end_before_they_start(
    alert_of: Callable[..., Alert],
) -> None:
    open_alerts = OpenAlerts()
    open_alerts.apply(0, alert_of(started_at="2026-01-02T03:25:00Z"), NOW)
    (post,) = open_alerts.payload(NOW, keep_s=240.0)
    assert post["startsAt"] == "2026-01-02T03:20:00+00:00"
    open_alerts.apply(0, alert_of(status="resolved"), NOW + 60)
    (post,) = open_alerts.payload(NOW, keep_s=240.0)
    assert post["startsAt"] <= post["endsAt"]


def test_a_partition_that_moves_takes_its_incidents_along(alert_of: Callable[..., Alert]) -> None:
    open_alerts = OpenAlerts()
    open_alerts.apply(0, alert_of("a"), NOW)
    open_alerts.apply(1, alert_of("b"), NOW)
    open_alerts.forget_partition(0)
    assert set(ends(open_alerts)) == {("b", "warning")}


def test_every_replica_has_its_address() -> None:
    urls = Secret("https://am-0.example.org http://localhost:9093/prefix/")
    assert [str(url) for url in read_urls(AlertmanagerSettings(urls=urls))] == [
        "https://am-0.example.org/api/v2/alerts",
        "http://localhost:9093/prefix/api/v2/alerts",
    ]


@pytest.mark.parametrize("urls", ["", "http://am-0:9093", "https://am-0 https://u:secret@am-1"])
def test_a_bad_address_is_refused_without_being_quoted(urls: str) -> None:
    with pytest.raises(SettingsError, match=r"^alertmanager\.url") as caught:
        read_urls(AlertmanagerSettings(urls=Secret(urls)))
    assert "secret" not in str(caught.value)
