from __future__ import annotations

import io
from dataclasses import replace

import msgspec

from stream.tools.simulate import Label, scenario
from stream.tools.simulate.play import Pace, write, write_labels

SHORT = replace(scenario("benign"), span_s=1800.0)


def test_what_is_written_are_the_lines_of_the_scenario() -> None:
    file = io.BytesIO()
    count = write(SHORT, file)
    lines = file.getvalue().splitlines()
    assert lines == list(SHORT.lines())
    assert count == len(lines) > 0


def test_writing_stops_at_the_limit_and_reports() -> None:
    seen: list[tuple[int, float]] = []
    file = io.BytesIO()
    assert write(SHORT, file, lambda count, at_s: seen.append((count, at_s)), limit=7) == 7
    assert len(file.getvalue().splitlines()) == 7
    assert seen[-1][0] == 7
    assert msgspec.json.decode(file.getvalue().splitlines()[-1])["timestamp"] == (
        SHORT.start_s + seen[-1][1]
    )


def test_labels_have_the_header_of_the_contract() -> None:
    file = io.StringIO()
    write_labels([Label("a", "attack", "pool-1"), Label("b", "benign")], file)
    assert file.getvalue() == "account_id,label,campaign_id\na,attack,pool-1\nb,benign,\n"


def test_a_pace_sleeps_as_long_as_event_time_asks() -> None:
    now = [100.0]
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(60.0, clock=lambda: now[0], sleep=sleep)
    for event_s in (0.0, 60.0, 60.1, 600.0):
        pace.wait(event_s)
    assert [round(s, 3) for s in slept] == [1.0, 9.0]


def test_no_pace_never_sleeps() -> None:
    pace = Pace(0.0, clock=lambda: 0.0, sleep=lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
    pace.wait(0.0)
    pace.wait(1e9)
