"""What the page of a replay tells, and that it is one bounded file which names nobody wrongly."""

import re
from html import escape

import pytest

from stream.core.alerts import Alert, SharedValue
from stream.core.findings import Evidence, Observed
from stream.intake.codec.event import RequestEvent
from stream.tools.report.account_traffic import Traffic
from stream.tools.report.campaign_traffic import CampaignTraffic
from stream.tools.report.candidates import Candidates
from stream.tools.report.html import Run, page
from stream.tools.report.labels import Labels
from stream.tools.report.run_report import report
from stream.tools.report.scorecard import score
from stream.tools.report.scores import ScoreLog

START = 1_772_409_600.0  # 2026-03-02
HOSTILE = '<script src="x">'


def alert(n, accounts, **changes):
    shared = {
        "alert_id": f"inc_{n}",
        "kind": "campaign",
        "status": "firing",
        "severity": "warning",
        "score": 0.93,
        "campaign_id": f"cmp_{n}",
        "account_ids": accounts,
        "started_at": "2026-03-02T02:00:00Z",
        "detected_at": "2026-03-02T03:30:00Z",
        "updated_at": "2026-03-02T03:30:00Z",
        "summary": f"{len(accounts)} coordinated accounts",
        "evidence": [
            Evidence(
                feature="f", value=0.25, unit="share", baseline=0.0, contribution=1.0, meaning="m"
            )
        ],
        "links": [SharedValue(link="payment", value="ab" * 8, accounts=2, members=[0, 1])],
        "observed": Observed(requests=7, output_tokens=70),
        "techniques": [],
        "runbook_url": "https://example.org/runbook",
        "model_version": "1",
    }
    return Alert(**shared | changes)


def run(*, labels=None, members=30, incidents=1, alerts=None):
    """Return a run of 100 accounts, of which the first ``members`` ask more and more."""
    ring = [HOSTILE, *(f"m{n:02}" for n in range(1, members))]
    events = [
        RequestEvent(
            timestamp=START + 600 * step + n,
            account_id=account,
            model="m",
            output_tokens=2000 - n if n < members else 10,
        )
        for step in range(40)
        for n, account in enumerate([*ring, *(f"u{n}" for n in range(100 - members))])
        if n >= members or step > 10
    ]
    if alerts is None:
        alerts = [
            state
            for n in range(incidents)
            for state in (
                alert(n, ring[:10]),
                alert(n, ring, updated_at="2026-03-02T04:00:00Z", score=0.97),
            )
        ]
    known = labels or Labels({}, 0)
    ledger, traffic, scores = CampaignTraffic(known), Traffic(), ScoreLog(known)
    candidates = Candidates(0.5)
    ledger.observe(events)
    traffic.observe(events)
    for seen in (scores, candidates):
        seen.observe(START + 7200, ring[:10], 0.6)
        seen.observe(START + 14_400, ring, 0.97)
        seen.observe(START + 9000, ["u1", "u2", "u3"], 0.71)
        seen.observe(START + 9000, ["u7"], 0.85)
    figures = report(
        alerts,
        ledger,
        seconds=1.0,
        peak_memory_bytes=1,
        dead_letters={},
        scorecard=None if labels is None else score(alerts, labels, ledger),
    )
    return Run(
        figures=figures,
        alerts=alerts,
        ledger=ledger,
        traffic=traffic,
        candidates=candidates,
        scores=scores,
        labels=labels,
        open_score=0.8,
        clear_score=0.5,
    )


def text(html):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


LABELLED = Labels({"ring": frozenset({HOSTILE, "m01", "m02", "x"}), "lost": frozenset({"y"})}, 90)


@pytest.mark.parametrize("labels", [None, LABELLED])
def test_it_is_one_file_without_scripts_that_is_always_the_same(labels):
    html = page(run(labels=labels))
    assert html == page(run(labels=labels))
    assert html.startswith("<!doctype html>")
    assert not re.search(r"<(script|link|img|iframe)|(src|href)=\"(?!#)|url\(|@import", html)
    assert escape(HOSTILE) in html


def test_without_labels_nobody_is_called_benign():
    assert "benign" not in page(run())


def test_an_incident_has_its_own_traffic_in_whole():
    said = text(page(run()))
    tokens = sum((2000 - n) * 29 for n in range(30))
    assert f"requests {30 * 29:,}" in said
    assert f"output tokens {tokens:,}" in said
    assert "7 requests, 70 output tokens" in said  # since the first evidence


def test_its_members_are_named_with_their_first_evidence_and_what_they_share():
    html = page(run())
    (row,) = re.findall(rf"<tr><td><code>{escape(HOSTILE)}</code>.*?(?=</tr|<tr)", html) or [""]
    said = text(row)
    # The first request, the first score, the first alert; requests, tokens, score, shared values.
    assert "02 Mar 01:50 02 Mar 02:00 02 Mar 03:30 29 58,000 0.970 A" in said
    late = text(re.findall(r"<code>m24</code>.*?<tr>", html)[0])
    assert "02 Mar 01:50 02 Mar 04:00 02 Mar 04:00 29" in late
    assert "and 5 more members" in text(html)


def test_what_was_nearly_alerted_is_told_apart_from_what_was_held_back():
    said = text(page(run()))
    assert "nearly alerted 1 " in said
    assert "0.710 02 Mar 02:30 3 accounts: u1 , u2 , u3" in said
    assert "u7 over the line, held back" in said
    assert "an incident opens: 0.8" in said


def test_with_labels_it_says_what_is_true():
    said = text(page(run(labels=LABELLED)))
    assert "ring: 3 of its 4, 27 benign" in said
    assert re.search(r"lost 1 no 0% - - 0\.000", said)


def test_nothing_found_is_a_page_too():
    said = text(page(run(alerts=[])))
    assert "Incidents None." in said


def test_many_incidents_are_bounded():
    few, many = (page(run(incidents=n)) for n in (20, 400))
    assert "and 200 more incidents" in text(many)
    assert "380 more incidents" in text(many)
    assert "395 other incidents" in text(many)
    assert len(many) < 2 * len(few)
