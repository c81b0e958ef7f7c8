import re

import numpy as np
import pytest

from stream.report.ledger import leak_curve
from stream.report.plot import Axis, Mark, leaks, precision_recall, scores, timeline

POINTS = re.compile(r'points="([^"]*)"')


def lines(svg):
    return [
        [tuple(map(float, pair.split(","))) for pair in points.split()]
        for points in POINTS.findall(svg)
    ]


def test_a_logarithmic_axis_gives_each_decade_the_same_length():
    axis = Axis(0, 999, (), log=True)
    assert [round(axis.place(value), 6) for value in (0, 9, 99, 999)] == [0, 0.333333, 0.666667, 1]


def test_silent_hours_are_drawn_as_nothing():
    (line,) = lines(timeline({"a": {10: 100, 12: 100}}, ()))
    assert len(line) == 3
    assert line[1][1] > line[0][1] == line[2][1]


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
    timeline({}, ()),
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
