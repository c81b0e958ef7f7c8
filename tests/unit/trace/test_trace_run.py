"""A trace names a campaign whose answers a data set has, and nothing else."""

import random

import msgspec
import numpy as np
import pytest

from stream.core.errors import UsageError
from stream.trace.file_hashes import FileHashes
from stream.trace.suspects import SuspectBook
from testlib.traced import (
    CAMPAIGN,
    MEMBERS,
    NOON,
    OLD_KEY,
    TRACE_KEY,
    answers_of,
    campaign_of,
    everyone,
    only,
    stored,
    text,
    traced,
)

GIVEN = everyone()
RECORDS = stored(GIVEN)
FILLER = [text("filler", n) for n in range(300)]
COPIED = [one for name in MEMBERS for one in GIVEN[name][:2]]


def test_a_campaign_is_named_with_rows_times_and_accounts() -> None:
    found = only(traced([*FILLER, *COPIED], RECORDS))
    assert (found.named, found.campaign_id) == (True, CAMPAIGN)
    assert found.p < 1e-6
    assert found.q == found.p
    assert found.rows == list(range(301, 325))
    assert found.whole_share == pytest.approx(1.0)
    assert (found.accounts_matched, found.accounts) == (12, 12)
    assert found.controls >= 300
    assert (found.first, found.last) == ("2026-03-01T12:00:00Z", "2026-03-01T12:01:00Z")
    first = next(one for one in found.members if one.account_id == MEMBERS[0])
    assert (first.matched_rows, first.rows) == (2, [301, 302])


def test_without_reuse_nothing_is_named() -> None:
    result = traced(FILLER, RECORDS)
    assert not only(result).named
    assert only(result).reason == "no run of words that it alone was given is in the data set"
    assert (only(result).p, result.outside) == (1.0, [])


def test_accounts_outside_of_incidents_are_listed_not_accused() -> None:
    result = traced([*FILLER, *GIVEN["other-7"]], RECORDS)
    assert not only(result).named
    assert [(one.account_id, one.matched_rows) for one in result.outside] == [("other-7", 10)]


def test_the_order_of_records_and_repeated_ones_change_nothing() -> None:
    result = traced([*FILLER, *COPIED], RECORDS)
    again = [*RECORDS]
    random.Random(1).shuffle(again)
    other = traced([*FILLER, *COPIED], again)
    assert other == result
    (once,) = other.groups
    assert once.p < 1e-6


def test_a_row_a_million_times_counts_once() -> None:
    """The bytes of equal rows are read once (tests/unit/replay); their hashes count once here."""
    copied = GIVEN[MEMBERS[0]][0]
    one = only(traced([*FILLER, copied], RECORDS))
    many = only(traced([*FILLER, *[copied] * 500], RECORDS))
    assert (many.matched_rows, many.matched_hashes, many.p) == (1, one.matched_hashes, one.p)
    assert not many.named


def test_text_that_unrelated_accounts_were_given_counts_for_nobody() -> None:
    boilerplate = text("boilerplate", words=2000)
    given = {name: [f"{one} {boilerplate}" for one in texts] for name, texts in GIVEN.items()}
    result = traced([*FILLER, *[f"{one} {boilerplate}" for one in FILLER]], stored(given))
    assert not only(result).named
    assert only(result).matched_rows <= 12  # passages that begin in an answer and end in it
    assert all(one.matched_rows == 1 for one in result.outside)


def test_text_that_all_answers_of_a_campaign_share_names_it_not() -> None:
    """As the fixed words of its own system prompt, which a data set may have from elsewhere."""
    boilerplate = text("boilerplate", words=2000)
    given = GIVEN | {name: [f"{one} {boilerplate}" for one in GIVEN[name]] for name in MEMBERS}
    found = only(traced([*FILLER, boilerplate], stored(given)))
    assert found.matched_rows == 1
    assert (found.named, found.p) == (False, 1.0)


def test_a_passage_of_each_answer_is_not_its_copy() -> None:
    """Other answers to the same prompts share some passages with it."""
    shared = [GIVEN[name][n] for name in MEMBERS for n in range(10)]
    rows = [" ".join(one.split()[:24]) + " " + text("own", n) for n, one in enumerate(shared)]
    found = only(traced([*FILLER, *rows], RECORDS))
    assert found.p < 1e-6
    assert not found.named
    assert "not have them as a whole" in found.reason


def test_a_file_that_is_older_than_the_answers_has_none_of_them() -> None:
    rows = [*FILLER, *COPIED]
    assert only(traced(rows, RECORDS, dated=NOON + 86_400)).named
    found = only(traced(rows, RECORDS, dated=NOON - 1))
    assert not found.named
    assert found.matched_rows == 0
    assert found.after_date is not None
    assert found.after_date.answers > 100


def test_later_answers_that_match_as_often_refute() -> None:
    """As where the data set is a source of both."""
    later = {name: [text(name, "later", n) for n in range(10)] for name in MEMBERS}
    records = RECORDS + stored(later, time=NOON + 86_400)
    dated = NOON + 43_200
    rows = [*FILLER, *COPIED]
    assert only(traced(rows, records, dated=dated)).named
    found = only(
        traced(
            [*rows, *[one for texts in later.values() for one in texts[:4]]], records, dated=dated
        )
    )
    assert not found.named
    assert found.p < 1e-6
    assert found.after_date is not None
    assert found.after_date.refutes


def test_older_keys_are_traced_as_long_as_they_are_known() -> None:
    records = stored(GIVEN, key=OLD_KEY)
    rows = [*FILLER, *COPIED]
    both = traced(rows, records, keys=f"{TRACE_KEY} {OLD_KEY}")
    assert only(both).named
    without = traced(rows, records)
    assert (without.answers.other_keys, without.answers.answers) == (len(records), 0)
    assert not only(without).named


def test_damaged_records_are_counted() -> None:
    result = traced([*FILLER, *COPIED], [b"", b"\xc1garbage", *RECORDS])
    assert result.answers.damaged == 2
    assert only(result).named


def test_records_that_are_thinner_than_they_are_compared_are_left_out() -> None:
    result = traced(FILLER, stored(GIVEN, one_in=128))
    assert (result.answers.thinner, result.answers.answers) == (len(GIVEN), 0)


def test_denser_records_of_members_are_compared_as_thinly_as_others() -> None:
    members = {name: GIVEN[name] for name in MEMBERS}
    others = {name: texts for name, texts in GIVEN.items() if name not in MEMBERS}
    dense = only(traced([*FILLER, *COPIED], stored(others) + stored(members, one_in=16)))
    thin = only(traced([*FILLER, *COPIED], RECORDS))
    assert (dense.p, dense.matched_hashes) == (thin.p, thin.matched_hashes)
    assert dense.matched_rows >= thin.matched_rows


@pytest.mark.parametrize("label", ["false_positive", "benign"])
def test_what_people_found_harmless_is_no_suspect(label) -> None:
    book = SuspectBook()
    verdict = {"alert_id": f"inc_{0xAA:020x}", "verdict": label, "author": "ana", "time": 1.0}
    book.take_alert(campaign_of(MEMBERS))
    assert [one.campaign_id for one in book.suspects()] == [CAMPAIGN]
    book.take_verdict(msgspec.json.encode(verdict))
    assert book.suspects() == []
    book.take_verdict(msgspec.json.encode(verdict | {"verdict": "withdrawn", "time": 2.0}))
    assert len(book.suspects()) == 1


def test_the_newest_state_of_an_incident_counts_and_drills_do_not() -> None:
    old, new = campaign_of(["a", "b"]), campaign_of("abc", updated_at="2026-03-02T00:00:00Z")
    for states in ([old, new], [new, old]):
        book = SuspectBook()
        for state in (*states, b"{", campaign_of("xyz", number=2, drill=True)):
            book.take_alert(state)
        assert [one.accounts for one in book.suspects()] == [("a", "b", "c")]
        assert book.damaged == 1


def test_a_lone_account_is_as_rare_as_one_among_the_others() -> None:
    lone = campaign_of((), kind="account", account_id="other-3", campaign_id=None, account_ids=None)
    found = only(traced([*FILLER, *GIVEN["other-3"]], RECORDS, [lone]))
    assert found.campaign_id is None
    assert found.p < 0.05
    assert not found.named
    assert found.reason.startswith("too few accounts of comparable volume")
    assert [one.account_id for one in found.members] == ["other-3"]


def test_several_groups_are_corrected_for_each_other() -> None:
    alerts = [campaign_of(MEMBERS)]
    alerts += [campaign_of([f"other-{n}", f"other-{n + 1}"], number=n + 1) for n in range(0, 40, 2)]
    result = traced([*FILLER, *COPIED], RECORDS, alerts)
    assert [one.campaign_id for one in result.groups if one.named] == [CAMPAIGN]
    first = result.groups[0]
    assert first.q == pytest.approx(first.p * 21)


def test_one_giant_row_is_one_row() -> None:
    giant = " ".join(answers_of("nobody", 20) + COPIED)
    found = only(traced([giant], RECORDS))
    assert found.rows == [1]


def test_more_passages_than_are_kept_end_in_one_line() -> None:
    file = FileHashes(most=10)
    file.add(np.arange(11, dtype=np.uint64), np.ones(11, np.uint32))
    with pytest.raises(UsageError, match="split it"):
        file.merge()
