from stream.tools.report.labels import Labels
from stream.tools.report.scores import ATTACK, BENIGN, ScoreLog

LABELS = Labels({"c": frozenset({"x", "y"})}, 10)


def log(*heard):
    found = ScoreLog(LABELS)
    for time, accounts, score in heard:
        found.observe(time, accounts, score)
    return found


def test_each_hour_keeps_its_highest_score_by_who_it_is_about():
    found = log(
        (10.0, ("x",), 0.6), (20.0, ("x",), 0.9), (30.0, ("a",), 0.7), (3700.0, ("a",), 0.5)
    )
    assert found.hourly == {ATTACK: {0: 0.9}, BENIGN: {0: 0.7, 1: 0.5}}


def test_a_cluster_is_its_attackers_only_when_they_are_the_most_of_it():
    assert log((0.0, ("x", "y", "a"), 0.8)).hourly[ATTACK] == {0: 0.8}
    assert log((0.0, ("x", "a"), 0.8)).hourly[BENIGN] == {0: 0.8}


def test_precision_falls_where_a_benign_account_scores_higher():
    found = log((0.0, ("x",), 0.9), (0.0, ("a",), 0.8), (0.0, ("y",), 0.7))
    assert found.precision_recall() == [(0.5, 1.0), (0.5, 0.5), (1.0, 2 / 3)]


def test_equal_scores_are_one_threshold():
    found = log((0.0, ("a",), 0.8), (0.0, ("x", "y", "b"), 0.8))
    assert found.precision_recall() == [(1.0, 0.5)]


def test_without_labels_there_is_no_trade_off():
    found = ScoreLog(Labels({}, 0))
    found.observe(0.0, ("a",), 0.9)
    assert found.precision_recall() == []
