"""A candidate is followed while its members change; the highest are kept."""

from stream.tools.report.candidates import Candidates


def names(first, last):
    return [f"a{n:04}" for n in range(first, last)]


def test_a_group_is_one_candidate_while_its_members_come_and_go():
    found = Candidates(0.5)
    found.observe(3600.0, names(0, 10), 0.4)
    found.observe(7200.0, names(2, 14), 0.7)
    found.observe(9000.0, names(5, 30), 0.6)
    found.observe(9000.0, names(50, 60), 0.3)
    high, low = found.ranked()
    assert (high.score, high.time, high.first) == (0.7, 7200.0, 3600.0)
    assert list(high.accounts) == names(2, 14)
    assert high.hourly == {1: 0.4, 2: 0.7}
    assert (low.score, len(low.accounts)) == (0.3, 10)


def test_an_account_and_its_group_are_two_candidates():
    found = Candidates(0.5)
    found.observe(0.0, ["a"], 0.6)
    found.observe(0.0, ["a", "b"], 0.9)
    assert [(one.campaign, one.score) for one in found.ranked()] == [(True, 0.9), (False, 0.6)]


def test_suspicion_begins_with_the_first_score_at_the_clear_score():
    found = Candidates(0.5)
    for time, score in ((1.0, 0.49), (2.0, 0.5), (3.0, 0.9)):
        found.observe(time, ["a", "b"], score)
    assert found.suspected == {"a": 2.0, "b": 2.0}


def test_the_highest_are_kept():
    found = Candidates(0.5, most=10)
    for n in range(1000):
        found.observe(0.0, [f"a{n}"], (n * 7 % 1000) / 1000)
    assert len(found.ranked()) <= 20
    assert found.ranked()[0].score == 0.999
    assert len(found._of_account) <= 20
