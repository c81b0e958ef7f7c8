"""The history keeps what is shown, in order, and no more than it may."""

from __future__ import annotations

import pytest

from stream.core.alerts import SharedValue
from stream.http.page.incident_history import MAX_MEMBERS, MAX_POINTS, MAX_VERDICTS, IncidentHistory


@pytest.fixture
def history():
    return IncidentHistory(most=16)


def name(number):
    return f"inc_{number:020x}"


def test_states_of_an_incident_become_its_course(history, incident_of):
    for minute in range(3):
        history.apply(incident_of(0, minute), 1.0 + minute)
    record = history.find(name(0))
    assert [point.evidence["prompt_cooccurrence"].value for point in record.points] == [
        0.0,
        1.0,
        2.0,
    ]
    assert [point.requests for point in record.points] == [0, 10, 20]
    assert record.points[1].time - record.points[0].time == 60
    assert record.written_s == 3.0


def test_refreshed_figures_are_shown(history, incident_of):
    history.apply(incident_of(0, 1), 1.0)
    history.apply(incident_of(0, 2, refresh=True), 2.0)
    assert history.find(name(0)).alert.observed.requests == 20
    assert len(history.find(name(0)).points) == 2


def test_a_repeated_state_changes_nothing(history, incident_of):
    for minute in (0, 1, 2, 0, 1, 2):  # as after a restart
        history.apply(incident_of(0, minute), float(minute))
    assert len(history.find(name(0)).points) == 3
    history.apply(incident_of(0, 2, status="resolved"), 3.0)
    assert not history.find(name(0)).firing
    history.apply(incident_of(0, 1), 4.0)
    assert not history.find(name(0)).firing


def test_a_long_course_is_thinned_between_its_ends(history, incident_of):
    for minute in range(10 * MAX_POINTS):
        history.apply(incident_of(0, minute % 1440, updated_at=_at(minute)), 0.0)
    points = history.find(name(0)).points
    assert len(points) <= MAX_POINTS
    assert points[0].time == _epoch(0)
    assert points[-1].time == _epoch(10 * MAX_POINTS - 1)
    assert points == sorted(points, key=lambda point: point.time)


def test_resolved_incidents_make_room_first_then_the_oldest(history, incident_of):
    for number in range(16):
        status = "resolved" if number == 9 else "firing"
        history.apply(incident_of(number, status=status), 0.0)
    history.apply(incident_of(16), 0.0)
    assert history.find(name(9)) is None
    history.apply(incident_of(0, 5), 0.0)  # news makes it the youngest
    history.apply(incident_of(17), 0.0)
    assert history.find(name(1)) is None
    assert history.find(name(0)) is not None
    assert history.forgotten == 2
    assert next(history.latest()).alert.alert_id == name(17)


def test_of_many_members_those_that_links_name_are_kept(history, incident_of):
    ids = [f"a{i:05}" for i in range(30_000)]
    links = [SharedValue(link="payment", value="0" * 16, accounts=2, members=[7, 29_999])]
    history.apply(incident_of(0, account_ids=ids, links=links), 0.0)
    record = history.find(name(0))
    kept = record.alert.account_ids
    assert record.members == 30_000
    assert len(kept) == MAX_MEMBERS
    assert [kept[i] for i in record.alert.links[0].members] == ["a00007", "a29999"]


def test_the_latest_verdict_counts_and_a_withdrawn_one_is_none(history, verdict_of):
    history.apply_verdict(verdict_of(time=2.0, label="benign"))
    history.apply_verdict(verdict_of(time=1.0))
    assert history.verdict(name(0)).label == "benign"
    history.apply_verdict(verdict_of(time=3.0, label="withdrawn"))
    assert history.verdict(name(0)) is None


def test_verdicts_are_bounded(history, verdict_of):
    for number in range(MAX_VERDICTS + 1):
        history.apply_verdict(verdict_of(number))
    assert history.verdict(name(0)) is None
    assert history.verdict(name(1)) is not None


def _at(minute):
    return f"2026-03-{2 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}:00Z"


def _epoch(minute):
    return 1_772_409_600.0 + 60 * minute
