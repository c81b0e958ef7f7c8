import re

import numpy as np
import pytest

from stream.tools.report.campaign_traffic import leak_curve
from stream.tools.report.plot import (
    Level,
    Mark,
    PlotAxis,
    chart,
    counts,
    leaks,
    precision_recall,
    scores,
    times,
)

POINTS = re.compile(r'points="([^"]*)"')


def lines(svg):
    return [
        [tuple(map(float, pair.split(","))) for pair in points.split()]
        for points in POINTS.findall(svg)
    ]


def test_a_logarithmic_axis_gives_each_decade_the_same_length():
    axis = PlotAxis(0, 999, (), log=1)
    assert [round(axis.place(value), 6) for value in (0, 9, 99, 999)] == [0, 0.333333, 0.666667, 1]


@pytest.mark.parametrize("top", [0, 0.5, 7, 12_345, 10**9, 10**13])
def test_counts_have_a_zero_and_few_decades_within_their_axis(top):
    axis = counts(top)
    places = [axis.place(value) for value, _ in axis.ticks]
    assert places[0] == 0
    assert places == sorted(places)
    assert max(places) <= 1
    assert len(places) <= 6


@pytest.mark.parametrize("hours", [1, 5, 24, 100, 720, 8760])
def test_ticks_of_time_are_few_and_at_whole_hours_within_the_axis(hours):
    axis = times(490_000.4, 490_000.4 + hours)
    assert 1 <= len(axis.ticks) <= 14
    assert all(axis.low <= hour <= axis.high and hour == int(hour) for hour, _ in axis.ticks)


def test_a_level_is_a_line_at_its_value_with_its_name():
    axis = PlotAxis(0, 1, ())
    svg = chart("x", {"a": [(0, 0.8), (1, 0.8)]}, axis, axis, (), levels=[Level(0.8, "<line>")])
    ((_, height), _) = lines(svg)[0]
    assert f'y1="{height}" y2="{height}"' in svg
    assert "&lt;line&gt;" in svg


def test_higher_scores_stand_higher_and_marks_are_named():
    svg = scores({"a": {0: 0.2, 1: 0.9}}, [Mark(1.0, "found <it>")])
    (line,) = lines(svg)
    assert line[0][1] > line[1][1]
    assert "found &lt;it&gt;" in svg


def test_precision_over_recall_fills_the_square():
    (line,) = lines(precision_recall({"all": [(0.0, 1.0), (1.0, 0.0)]}))
    (left, top), (right, bottom) = line
    assert left < right
    assert top < bottom


NOTHING = [
    scores({"a": {}}, ()),
    precision_recall({"a": []}),
    leaks({}, ()),
]


@pytest.mark.parametrize("plot", NOTHING)
def test_nothing_gives_no_plot(plot):
    assert plot == ""


def test_a_leak_runs_from_the_first_tokens_to_all_of_them():
    times, tokens = np.array([0.0, 3600.0, 7200.0]), np.array([10, 0, 30])
    assert leak_curve(times, tokens) == [(0.0, 0.25), (1.0, 0.25), (2.0, 1.0)]


def test_a_campaign_without_tokens_has_no_leak():
    assert leak_curve(np.array([0.0]), np.array([0])) == []
