"""What a report says of a month of records, and that neither their order nor damage changes it."""

from __future__ import annotations

import csv
import io
import re
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.decisions import Actor, Reason
from stream.core.errors import UsageError
from stream.core.rfc3339 import rfc3339
from stream.decisions.transitions import approve, expire, undo
from stream.oversight import limits
from stream.oversight.published import as_json
from stream.oversight.record import ReportPeriod
from stream.oversight.table import COLUMNS, as_csv
from testlib.decisions import ALICE, proposal, stored
from testlib.oversight import (
    DAMAGED,
    HOSTILE_MODEL,
    MARCH,
    RECORDS,
    campaign,
    decided,
    incident,
    of_alert,
    of_day,
    of_decision,
    reported,
    seconds,
)
from testlib.paths import ROOT


def test_a_campaign_has_what_left_when_and_what_was_done():
    row = msgspec.to_builtins(reported(RECORDS).campaigns)
    assert row == [
        {
            "campaign_id": "cmp_0000000000000001",
            "alert_id": "inc_00000000000000000001",
            "open": False,
            "severity": "warning",
            "score": 0.99,
            "verdict": "true_positive",
            "accounts": 8,
            "accounts_certain": 6,
            "requests": 800,
            "input_tokens": 4_000,
            "output_tokens": 8_000,
            "reasoning_tokens": 0,
            "first_seen": "2026-03-01T08:00:00Z",
            "last_seen": "2026-03-01T20:00:00Z",
            "detected": "2026-03-01T10:00:00Z",
            "decided": "2026-03-01T12:00:00Z",
            "enforced": "2026-03-01T12:00:02Z",
            "first_refused": "2026-03-01T12:00:30Z",
            "detect_s": 7200,
            "decide_s": 7195,
            "enforce_s": 2,
            "refuse_s": 30,
            "leaked_before_alert": 0.125,
            "leaked_before_action": {"at_least": 0.5, "at_most": 0.625},
            "techniques": ["AML.T0024.002", "LLM10:2025"],
            "evidence": ["extraction_volume"],
            "networks": {
                "groups": [
                    {"network": "0000000000000000", "accounts": 6},
                    {"network": "0000000000000002", "accounts": 5},
                ],
                "other": 1,
            },
            "countries": [
                {
                    "name": "DE", "accounts": 5,
                    "sums": {
                        "requests": 1, "input_tokens": 2, "output_tokens": 7000,
                        "reasoning_tokens": 3500,
                    },
                },
                {
                    "name": None, "accounts": 3,
                    "sums": {
                        "requests": 2, "input_tokens": 4, "output_tokens": 1000,
                        "reasoning_tokens": 500,
                    },
                },
            ],
            "models": [
                {
                    "name": HOSTILE_MODEL, "accounts": 8,
                    "sums": {
                        "requests": 1, "input_tokens": 2, "output_tokens": 8000,
                        "reasoning_tokens": 4000,
                    },
                }
            ],
            "actions": [
                {
                    "action": "suspend", "decisions": 1, "simulated": 0, "waiting": 0,
                    "unanswered": 0, "refused": 0, "approved": 1, "enforced": 1, "undone": 0,
                    "expired": 0, "replaced": 0,
                }
            ],
            "effect": {
                "refused": 40, "slowed": 0, "changed": 0, "simulated": 0,
                "tokens_not_taken_estimate": 400,
            },
            "model_version": "campaigns-9",
        }
    ]  # fmt: skip


def test_the_sums_have_every_incident_and_say_which_were_found_harmless():
    found = reported(RECORDS)
    assert (found.total.incidents, found.total.campaigns, found.total.accounts) == (2, 1, 9)
    assert (found.total.output_tokens, found.not_cleared.output_tokens) == (8_700, 8_000)
    assert found.single_accounts.output_tokens == 700
    assert found.total.verdicts == {
        "true_positive": 1, "false_positive": 1, "benign": 0, "withdrawn": 0,
    }  # fmt: skip
    assert found.total.severities == {"info": 0, "warning": 1, "critical": 1}
    assert found.total.techniques == {"AML.T0024.002": 2, "LLM10:2025": 2}
    counts = {one.action: one for one in found.total.actions}
    assert (counts["throttle"].undone, counts["suspend"].enforced) == (1, 1)
    assert (found.total.effect.refused, found.total.effect.slowed) == (40, 3)
    assert [one.action for one in found.decisions_without_alert] == ["verify"]
    assert found.decisions_without_alert[0].waiting == 1
    assert (found.drills, found.models) == (1, {"campaigns-9": 2})
    assert found.complete


def test_all_that_left_has_the_days_of_the_period_and_the_part_of_campaigns():
    egress = reported(RECORDS).egress
    assert [(day.day, day.total.output_tokens) for day in egress.days] == [
        ("2026-03-02", 1006), ("2026-03-03", 3006),
    ]  # fmt: skip
    assert egress.oldest_day == "2026-02-28"
    assert [(one.name, one.sums.output_tokens) for one in egress.countries] == [
        ("DE", 4000), ("", 6), (None, 6),
    ]  # fmt: skip
    assert [(one.name, one.sums.requests) for one in egress.models] == [
        (HOSTILE_MODEL, 20), (None, 4),
    ]  # fmt: skip
    # The second incident was found harmless.
    assert egress.campaigns_known.output_tokens == 1200
    assert egress.campaigns_before.reasoning_tokens == 20
    assert egress.total.output_tokens == sum(one.sums.output_tokens for one in egress.countries)


def test_a_group_of_few_accounts_is_only_in_the_others():
    text = as_json(reported(RECORDS)) + as_csv(reported(RECORDS))
    assert '"IS"' not in text
    assert "IS:" not in text
    countries = reported(RECORDS).total.countries
    assert [(one.name, one.accounts) for one in countries] == [("DE", 5), (None, 3)]


def test_a_ledger_that_begins_within_the_period_is_said():
    assert limits.LEDGER_INCOMPLETE not in reported(RECORDS).limits
    for ledger in ([], [of_day(1)]):
        others = [record for record in RECORDS if record[0] != "ledger"]
        assert limits.LEDGER_INCOMPLETE in reported([*others, *ledger]).limits


def test_delays_are_of_the_incidents_where_it_happened():
    delays = reported(RECORDS).total.delays
    assert (delays.detect.incidents, delays.detect.median_s) == (2, 7200)
    assert (delays.decide.median_s, delays.decide.p90_s) == (3595, 7195)
    assert (delays.enforce.median_s, delays.enforce.p90_s) == (2, 4)
    assert (delays.refuse.median_s, delays.refuse.p90_s) == (30, 1800)


def test_proposals_that_end_in_other_ways_are_told_apart():
    ended = expire(decided(1, 8), ALICE, seconds(12) + 90_000).decision
    unanswered = msgspec.structs.replace(
        ended, decision_id=f"dec_{9:020x}", approved_at=None, approved_by=[]
    )
    simulated = approve(stored(proposal(
        decision_id=f"dec_{10:020x}", reason=Reason(alert_id=incident(1)))),
        ALICE, seconds(50), simulated=True,
    ).decision  # fmt: skip
    found = reported([RECORDS[0], *map(of_decision, (ended, unanswered, simulated))])
    one = found.campaigns[0].actions[0]
    assert (one.decisions, one.expired, one.unanswered, one.simulated) == (3, 1, 1, 1)
    assert one.enforced == 0
    assert found.campaigns[0].enforced is None


def test_a_proposal_that_a_larger_one_replaced_is_no_decision_that_was_undone():
    policy = Actor(kind="policy", name="campaign critical")
    smaller = undo(stored(proposal(reason=Reason(alert_id=incident(1)))), policy, seconds(50))
    found = reported([RECORDS[0], of_decision(smaller.decision)])
    one = found.campaigns[0].actions[0]
    assert (one.replaced, one.decisions, one.undone) == (1, 0, 0)
    row = next(csv.DictReader(io.StringIO(as_csv(found))))
    assert (row["actions"], row["undone"]) == ("", "0")


def test_shares_are_absent_where_the_topics_do_not_have_them():
    rest = RECORDS[1:]
    assert reported(rest).campaigns[0].leaked_before_alert is None  # the first alert is gone
    unacted = [one for one in RECORDS if one[0] == "alerts"]
    assert reported(unacted).campaigns[0].leaked_before_action is None
    nothing_after = [*RECORDS[:2], *RECORDS[7:]]
    assert reported(nothing_after).campaigns[0].leaked_before_action is None
    fewer = [RECORDS[0], of_alert(campaign(20, 500), 20)]  # members left
    assert reported(fewer).campaigns[0].leaked_before_alert is None


def test_an_alert_that_is_written_twice_changes_no_share():
    again = (RECORDS[1][0], RECORDS[1][1]._replace(written_at=seconds(40)))
    assert reported([*RECORDS, again]).campaigns == reported(RECORDS).campaigns


@given(st.permutations([*RECORDS, *DAMAGED]))
@settings(max_examples=60, deadline=None)
def test_the_order_of_the_records_changes_no_byte(records):
    assert as_json(reported(records)) == EXPECTED


def test_damaged_and_forged_records_are_counted_and_change_nothing_else():
    found = reported([*RECORDS, *DAMAGED])
    assert [(one.topic, one.damaged) for one in found.records] == [
        ("alerts", 11), ("verdicts", 2), ("decisions", 2), ("effects", 1), ("ledger", 11),
    ]  # fmt: skip
    assert msgspec.structs.replace(found, records=[]) == msgspec.structs.replace(
        reported(RECORDS), records=[]
    )


def test_no_account_is_named():
    text = as_json(reported([*RECORDS, *DAMAGED])) + as_csv(reported([*RECORDS, *DAMAGED]))
    assert "acc-" not in text


def test_the_document_has_the_limits_of_the_report():
    listed = re.findall(r"^- (.+)$", (ROOT / "docs/response.md").read_text(), re.MULTILINE)
    known = [*limits.OF_DETECTION, *limits.OF_THE_REPORT]
    assert [one for one in listed if one in known] == known
    assert reported(RECORDS).limits == [*limits.OF_THE_REPORT, *limits.OF_DETECTION]


def test_a_topic_that_begins_within_the_period_is_said():
    found = reported(RECORDS[:5])
    assert not found.complete
    assert limits.INCOMPLETE in found.limits
    assert limits.INCOMPLETE not in reported(RECORDS).limits


def test_without_a_key_it_is_said_that_no_decision_was_read():
    found = reported(RECORDS, signed=False)
    assert limits.WITHOUT_KEY in found.limits
    assert found.total.actions == []
    assert found.campaigns[0].output_tokens == 8_000


def test_without_any_record_there_is_a_report():
    found = reported([])
    assert (found.total.incidents, found.newest_record, found.complete) == (0, None, False)
    assert found.total.delays.detect.median_s is None


def test_an_incident_belongs_to_the_period_of_its_first_alert():
    first = [of_alert(campaign(hour, 10, detected=hour), hour) for hour in (0.0, 31 * 24.0)]
    assert [reported([one]).total.incidents for one in first] == [1, 0]
    with pytest.raises(UsageError, match="--to"):
        ReportPeriod(MARCH.until, MARCH.since)
    with pytest.raises(UsageError, match="--to"):
        ReportPeriod(float("nan"), float("inf"))


@pytest.mark.parametrize(
    ("text", "now", "since", "until"),
    [
        ("2026-03", 0.0, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
        ("2026-12", 0.0, "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("last", MARCH.until, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
        ("last", MARCH.until - 1, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
        ("last", 1_767_225_600.0, "2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ],
)
def test_a_month_is_a_month_of_utc(text, now, since, until):
    found = ReportPeriod.of_month(text, now)
    assert (rfc3339(found.since), rfc3339(found.until)) == (since, until)


@pytest.mark.parametrize("text", ["", "2026", "2026-13", "9999-12", "next", "1900-01"])
def test_what_is_no_month_is_one_line(text):
    with pytest.raises(UsageError):
        ReportPeriod.of_month(text, 0.0)


def test_more_incidents_than_the_bound_end_with_one_line():
    with pytest.raises(UsageError, match="more than 3 incidents"):
        reported([of_alert(campaign(10, 10, n), 10) for n in range(5)], most=3)


def test_the_csv_has_a_row_for_each_campaign():
    found = list(csv.DictReader(io.StringIO(as_csv(reported(RECORDS)))))
    assert len(found) == 1
    assert tuple(found[0]) == COLUMNS
    assert found[0]["output_tokens"] == "8000"
    assert found[0]["requests_refused"] == "40"
    assert found[0]["leaked_before_action_at_most"] == "0.625"
    assert found[0]["countries"] == "DE:7000; other:1000"
    assert found[0]["models"].startswith("'=<script>")  # no formula
    assert found[0]["networks"] == "0000000000000000:6 0000000000000002:5"


def test_a_thousand_incidents_take_time_that_grows_with_them():
    def processor_s(incidents):
        records = [
            of_alert(campaign(10 + i, 100 * (i + 1), n), 10 + i)
            for n in range(incidents)
            for i in range(6)
        ]
        records += [of_decision(decided(n, n + 1).decision) for n in range(incidents)]
        started = time.process_time()
        assert len(reported(records).campaigns) == incidents
        return time.process_time() - started

    small, large = (min(processor_s(n) for _ in range(3)) for n in (100, 1_000))
    assert large < 30 * small  # ten times as many
    assert large < 10  # the target for a year


EXPECTED = as_json(reported([*RECORDS, *DAMAGED]))
