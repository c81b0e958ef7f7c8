"""The chronicle keeps what is shown, in order, and no more than it may."""

from __future__ import annotations

import pytest

from stream.core.alerts import SharedValue
from stream.http.page.chronicle import MAX_MEMBERS, MAX_POINTS, MAX_VERDICTS, Chronicle


@pytest.fixture
def chronicle():
    return Chronicle(most=16)


def name(number):
    return f"inc_{number:020x}"


def test_states_of_an_incident_become_its_course(chronicle, incident_of):
    for minute in range(3):
        chronicle.hear(incident_of(0, minute), 1.0 + minute)
    story = chronicle.find(name(0))
    assert [point.evidence["prompt_cooccurrence"].value for point in story.points] == [
        0.0,
        1.0,
        2.0,
    ]
    assert [point.requests for point in story.points] == [0, 10, 20]
    assert story.points[1].time - story.points[0].time == 60
    assert story.written_s == 3.0


def test_newest_figures_are_shown_though_no_receiver_is_told(chronicle, incident_of):
    chronicle.hear(incident_of(0, 1), 1.0)
    chronicle.hear(incident_of(0, 2, refresh=True), 2.0)
    assert chronicle.find(name(0)).alert.observed.requests == 20
    assert len(chronicle.find(name(0)).points) == 2


def test_what_is_told_again_changes_nothing(chronicle, incident_of):
    for minute in (0, 1, 2, 0, 1, 2):  # as after a restart
        chronicle.hear(incident_of(0, minute), float(minute))
    assert len(chronicle.find(name(0)).points) == 3
    chronicle.hear(incident_of(0, 2, status="resolved"), 3.0)
    assert not chronicle.find(name(0)).firing
    chronicle.hear(incident_of(0, 1), 4.0)
    assert not chronicle.find(name(0)).firing


def test_a_long_course_is_thinned_between_its_ends(chronicle, incident_of):
    for minute in range(10 * MAX_POINTS):
        chronicle.hear(incident_of(0, minute % 1440, updated_at=_at(minute)), 0.0)
    points = chronicle.find(name(0)).points
    assert len(points) <= MAX_POINTS
    assert points[0].time == _epoch(0)
    assert points[-1].time == _epoch(10 * MAX_POINTS - 1)
    assert points == sorted(points, key=lambda point: point.time)


def test_resolved_incidents_make_room_first_then_the_oldest(chronicle, incident_of):
    for number in range(16):
        status = "resolved" if number == 9 else "firing"
        chronicle.hear(incident_of(number, status=status), 0.0)
    chronicle.hear(incident_of(16), 0.0)
    assert chronicle.find(name(9)) is None
    chronicle.hear(incident_of(0, 5), 0.0)  # news makes it the youngest
    chronicle.hear(incident_of(17), 0.0)
    assert chronicle.find(name(1)) is None
    assert chronicle.find(name(0)) is not None
    assert chronicle.forgotten == 2
    assert next(chronicle.latest()).alert.alert_id == name(17)


def test_of_many_members_those_that_links_name_are_kept(chronicle, incident_of):
    ids = [f"a{i:05}" for i in range(30_000)]
    links = [SharedValue(link="payment", value="0" * 16, accounts=2, members=[7, 29_999])]
    chronicle.hear(incident_of(0, account_ids=ids, links=links), 0.0)
    story = chronicle.find(name(0))
    kept = story.alert.account_ids
    assert story.members == 30_000
    assert len(kept) == MAX_MEMBERS
    assert [kept[i] for i in story.alert.links[0].members] == ["a00007", "a29999"]


def test_the_latest_verdict_counts_and_a_withdrawn_one_is_none(chronicle, verdict_of):
    chronicle.judge(verdict_of(time=2.0, label="benign"))
    chronicle.judge(verdict_of(time=1.0))
    assert chronicle.verdict(name(0)).label == "benign"
    chronicle.judge(verdict_of(time=3.0, label="withdrawn"))
    assert chronicle.verdict(name(0)) is None


def test_verdicts_are_bounded(chronicle, verdict_of):
    for number in range(MAX_VERDICTS + 1):
        chronicle.judge(verdict_of(number))
    assert chronicle.verdict(name(0)) is None
    assert chronicle.verdict(name(1)) is not None


def _at(minute):
    return f"2026-03-{2 + minute // 1440:02}T{minute // 60 % 24:02}:{minute % 60:02}:00Z"


def _epoch(minute):
    return 1_772_409_600.0 + 60 * minute
