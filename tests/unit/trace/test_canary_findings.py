"""A canary in a data set names those to whom it was given, with the probability of the draw."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from scipy.stats import binom

from stream.core.canaries import CANARIES, canary_of
from stream.core.decisions import DecisionSubject, Limits, Reason
from stream.trace.canary_decisions import CanaryDecisions, canary_subjects
from stream.trace.canary_findings import CanaryFindings
from testlib.traced import (
    CAMPAIGN,
    MEMBERS,
    NOON,
    answers_of,
    campaign_of,
    everyone,
    marked,
    stored,
    text,
    traced,
)

FILLER = [text("filler", n) for n in range(50)]
GIVEN = everyone(controls=100)
RECORDS = stored(GIVEN)
DAY = 86_400


def with_word(number: int, row: str) -> str:
    return f"{row} Its author is {canary_of(number).title()}."


def account(number: int, name: str, **changes: object):
    subject = DecisionSubject(kind="account", id=name)
    return marked(number, subject=subject, accounts=[], **changes)


def found_in(rows, *decisions, records=(), **more):
    return traced(rows, records, decisions=CanaryDecisions(decisions=decisions), **more).canaries


def only_subject(*given, **more):
    (mark,) = found_in(*given, **more).subjects
    return mark


def test_a_campaign_is_named_by_its_canary_with_rows_and_first_use() -> None:
    mark = only_subject([*FILLER, with_word(7, text("a")), with_word(7, text("b"))], marked(7))
    assert (mark.named, mark.subject_kind, mark.subject_id) == (True, "campaign", CAMPAIGN)
    assert (mark.rows, mark.matched_rows, mark.accounts) == ([51, 52], 2, len(MEMBERS))
    assert mark.p == pytest.approx(2 / CANARIES)  # of two words of this length
    assert mark.expected == pytest.approx(mark.p)
    assert mark.first == "2026-03-01T12:00:00Z"
    (found,) = mark.found
    assert (found.word, found.decision_id) == (canary_of(7), marked(7).key)
    assert found.ended is None


def test_without_the_word_or_with_a_similar_one_no_one_is() -> None:
    near = canary_of(8)[:-1] + ("t" if canary_of(8)[-1] != "t" else "r")
    for rows in (FILLER, [f"{row} {near}" for row in FILLER], [with_word(9, FILLER[0])]):
        found = found_in(rows, marked(8))
        assert (found.subjects, found.tested, found.canaries) == ([], 1, 1)


def test_it_names_no_other_account() -> None:
    mine = [account(n, f"other-{n}") for n in range(20)]
    mark = only_subject([*FILLER, with_word(3, text("a"))], *mine)
    assert (mark.subject_id, mark.accounts, mark.named) == ("other-3", 1, True)
    assert mark.q == pytest.approx(20 * mark.p)


def test_the_canary_of_a_decision_that_was_undone_names_those_who_had_it() -> None:
    undone = marked(7, state="undone", time=NOON + 3600.0)
    mark = only_subject([with_word(7, text("a"))], undone)
    assert mark.named
    assert (mark.found[0].state, mark.found[0].ended) == ("undone", "2026-03-01T13:00:00Z")


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "proposed", "approved_at": None},
        {"state": "refused", "approved_at": None},
        {"state": "undone", "approved_at": None},
        {"simulated": True},
    ],
)
def test_a_canary_that_no_model_was_given_names_no_one(changes) -> None:
    found = found_in([with_word(7, text("a"))], marked(7, **changes))
    (mark,) = found.subjects
    assert (mark.named, mark.p, mark.q, mark.first, found.tested) == (False, 1.0, 1.0, None, 0)
    assert "no model was ever given" in mark.reason


def test_drills_have_none() -> None:
    assert found_in([with_word(7, text("a"))], marked(7, drill=True)).canaries == 0


def test_a_canary_is_not_in_a_data_set_that_is_older() -> None:
    rows = [with_word(7, text("a"))]
    late = only_subject(rows, marked(7), dated=NOON - 1.0)
    assert (late.named, late.canaries) == (False, 0)
    assert late.reason == "the canary was first used after the date of the data set"
    assert only_subject(rows, marked(7), dated=NOON + 1.0).named


def test_of_several_decisions_those_count_that_were_in_force_before_the_date() -> None:
    second = marked(8, proposed_at=NOON + DAY, approved_at=NOON + 2.0 * DAY, until=NOON + 3.0 * DAY)
    both = [with_word(7, text("a")), with_word(8, text("b"))]
    mark = only_subject(both, marked(7), second, dated=NOON + 1.0 * DAY)
    assert (mark.named, mark.canaries, len(mark.found)) == (True, 1, 2)
    assert mark.p == pytest.approx(2 / CANARIES)
    mark = only_subject(both, marked(7), second)
    assert (mark.canaries, mark.rows) == (2, [1, 2])
    assert mark.p == pytest.approx(binom.sf(1, 2, 2 / CANARIES))
    assert mark.first == "2026-03-01T12:00:00Z"


def test_p_holds_when_words_are_found_by_chance() -> None:
    """Where one word in ten is in the data set, p is at most 0.05 in at most 5 of 100 cases."""
    random = np.random.default_rng(5)
    decisions = [marked(number, decision_id=f"dec_{number:020x}") for number in range(20)]
    p = []
    for _ in range(400):
        numbers = np.flatnonzero(random.random(20) < 0.1)
        found = {canary_of(int(n)): np.array([1], np.uint32) for n in numbers}
        (one,) = CanaryFindings(
            CanaryDecisions(decisions=decisions), found, CANARIES // 10, dated=None
        ).p
        p.append(one)
    for level in (0.01, 0.05, 0.2, 0.5):
        expected = level + 3 * np.sqrt(level / len(p))
        assert np.mean(np.array(p) <= level) <= expected
    assert min(p) < 0.2  # it is a test at all


def test_canaries_and_copies_are_corrected_for_each_other() -> None:
    alerts = [campaign_of([f"other-{n}", f"other-{n + 1}"], number=n + 1) for n in range(0, 8, 2)]
    result = traced(
        [with_word(7, text("a"))], RECORDS, alerts, decisions=CanaryDecisions(decisions=[marked(7)])
    )
    (mark,) = result.canaries.subjects
    assert mark.q == pytest.approx(5 * mark.p)
    copies = [one for name in MEMBERS for one in GIVEN[name][:2]]
    others = [account(n, f"other-{n}") for n in range(30)]
    alone, among = (
        traced([*FILLER, *copies], RECORDS, decisions=CanaryDecisions(decisions=ones)).groups[0]
        for ones in ((), others)
    )
    assert (alone.q, alone.p) == (alone.p, among.p)
    assert among.q == pytest.approx(31 * alone.p)


def test_rows_that_are_copies_of_answers_too_are_counted() -> None:
    copy = with_word(7, answers_of(MEMBERS[0])[0])
    planted = with_word(7, text("someone else's"))
    given = GIVEN | {MEMBERS[0]: [copy]}
    mark = only_subject([*FILLER, copy, planted], marked(7), records=stored(given))
    assert (mark.rows, mark.copied_rows) == ([51, 52], 1)
    planted_alone = only_subject([planted], marked(7), records=stored(given))
    assert (planted_alone.named, planted_alone.copied_rows) == (True, 0)
    assert only_subject([planted], account(7, "other-1", reason=Reason())).copied_rows is None


def test_accounts_and_campaigns_keep_their_decisions_together() -> None:
    subjects = canary_subjects(
        [account(2, "a"), marked(1), marked(3, accounts=["x"]), marked(4, drill=True)]
    )
    assert [(one.kind, one.id, one.accounts, len(one.canaries)) for one in subjects] == [
        ("account", "a", 1, 1),
        ("campaign", CAMPAIGN, len(MEMBERS) + 1, 2),
    ]
    assert canary_subjects([msgspec.structs.replace(marked(1), limits=Limits())]) == []


def test_without_decisions_the_result_states_it() -> None:
    result = traced(FILLER, (), decisions=CanaryDecisions(missing="decisions.key is missing"))
    assert (result.canaries.searched, result.canaries.missing) == (
        False,
        "decisions.key is missing",
    )
    assert "Canaries were not searched for." in result.limits
    assert traced(FILLER, ()).canaries.searched


def test_canaries_need_no_stored_answer_and_no_key_of_them() -> None:
    result = traced(
        [with_word(7, text("a"))], (), (), keys="", decisions=CanaryDecisions(decisions=[marked(7)])
    )
    assert [one.named for one in result.canaries.subjects] == [True]
    assert result.dataset.rows == 1
