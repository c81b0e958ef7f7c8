"""The page of ``replay --html``: the result of a backtest in one file, without a script."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

from stream.tools.report.cases import RunData, cases, missed
from stream.tools.report.look import document, figures, more, table
from stream.tools.report.plot import HALF, Level, Mark, leaks, precision_recall
from stream.tools.report.scorecard_table import COLUMNS, cells
from stream.tools.report.sections import Truth, nearly, section, summary_row
from stream.tools.report.timelines import overview, score_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.alerts import Alert
    from stream.tools.report.account_traffic import Traffic
    from stream.tools.report.campaign_traffic import CampaignTraffic
    from stream.tools.report.candidates import Candidate, Candidates
    from stream.tools.report.cases import Case
    from stream.tools.report.labels import Labels
    from stream.tools.report.run_report import RunReport
    from stream.tools.report.scores import ScoreLog

#: Incidents in the table, and those with a section of their own.
_ROWS: Final = 200
_SECTIONS: Final = 20
_MISSED_CAMPAIGNS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The content of a page."""

    figures: RunReport
    alerts: Sequence[Alert]
    ledger: CampaignTraffic
    traffic: Traffic
    candidates: Candidates
    scores: ScoreLog
    labels: Labels | None  # None: without labels
    open_score: float
    clear_score: float


def page(run: Run) -> str:
    """Return the whole page as HTML text."""
    found = cases(run.alerts, RunData(run.traffic, run.candidates, run.scores.best))
    left = missed(run.candidates, found)
    truth = None if run.labels is None else Truth(run.labels.campaign_of)
    below = sum(one.score < run.open_score for one in left)
    body = (
        f"<h1>Replay</h1>{_head(run)}{_figures(run, found, below)}"
        f"<h2>Incidents</h2>{_incidents(run, found, truth)}"
        f"<h2>Traffic</h2>{overview(found, run.traffic)}"
        f"<h2>Scores</h2>{_scores(run, found, left)}"
        f"<h2>Nearly alerted</h2>{nearly(left, run.traffic, run.open_score, truth)}"
        f"{_truth(run)}"
        + "".join(
            section(number, case, run.traffic, truth)
            for number, case in enumerate(found[:_SECTIONS], start=1)
        )
        + more(len(found), _SECTIONS, "incidents, in the table and in the alerts file")
    )
    return document("distillwatch replay", body)


def _head(run: Run) -> str:
    first, last = (
        datetime.fromtimestamp(time, UTC).strftime("%d %B %Y %H:%M") for time in run.traffic.span()
    )
    return f'<p class="note">{first} to {last}, all times UTC</p>'


def _figures(run: Run, found: Sequence[Case], below: int) -> str:
    _, _, tokens = run.traffic.total()
    one = run.figures
    return figures(
        {
            "incidents": f"{len(found):,}",
            "nearly alerted": f"{below:,}",
            "events": f"{one.events:,}",
            "accounts": f"{one.accounts:,}",
            "output tokens": f"{tokens:,}",
            "days": f"{one.days:.1f}",
            "dead letters": f"{sum(one.dead_letters.values()):,}",
        }
    )


def _incidents(run: Run, found: Sequence[Case], truth: Truth | None) -> str:
    if not found:
        return "<p>None.</p>"
    requests, _, tokens = run.traffic.total()
    columns = ["", "severity", "what", "@first evidence", "@first alert"]
    columns += ["#score", "#requests", "#output tokens", *(["labels"] if truth else [])]
    rows = [
        summary_row(number, case, (requests, tokens), truth)
        for number, case in enumerate(found[:_ROWS], start=1)
    ]
    return table(columns, rows) + more(len(found), len(rows), "incidents, in the alerts file")


def _scores(run: Run, found: Sequence[Case], left: Sequence[Candidate]) -> str:
    rest: dict[int, float] = {}
    for one in left:
        for hour, score in one.hourly.items():
            rest[hour] = max(score, rest.get(hour, 0.0))
    levels = [
        Level(run.open_score, f"an incident opens: {run.open_score:g}"),
        Level(run.clear_score, f"and stays open: {run.clear_score:g}"),
    ]
    plot = score_lines(found, rest, run.traffic.span(), levels)
    note = "The highest score of each hour; scores that are not reported count as 0."
    return f'<p class="note">{note}</p>{plot}'


def _truth(run: Run) -> str:
    card, labels = run.figures.scorecard, run.labels
    if card is None or labels is None:
        return ""
    best = {
        name: max((run.scores.best.get(account, 0.0) for account in members), default=0.0)
        for name, members in labels.campaigns.items()
    }
    rows = [
        [*map(escape, cells(result)), f"{best[result.campaign]:.3f}"]
        for result in card.campaigns[:_MISSED_CAMPAIGNS]
    ]
    columns = [COLUMNS[0], *(f"#{name}" for name in COLUMNS[1:]), "#highest score"]
    rate = f"{card.false_per_10k_accounts_day:.1f} per 10,000 benign accounts a day"
    marks = [
        Mark(result.detected_after_s / 3600, f"{result.campaign} found", result.campaign)
        for result in card.campaigns
        if result.detected_after_s is not None
    ]
    leaked = {one.campaign: run.ledger.leaked(one.campaign) for one in card.campaigns}
    return (
        f"<h2>Against the labels</h2>{table(columns, rows)}"
        f"{more(len(card.campaigns), len(rows), 'campaigns')}"
        f"<p>{card.false_incidents} false incidents, {rate}.</p>"
        '<div class="pair"><div><h3>Tokens lost</h3><p class=note>Share of each campaign\'s '
        "output tokens so far, by hours since its first request; the share before its "
        f"alert is lost before detection.</p>{leaks(leaked, marks, HALF)}</div>"
        "<div><h3>Precision over recall</h3>"
        "<p class=note>Of accounts, over all thresholds.</p>"
        f"{precision_recall({'accounts': run.scores.precision_recall()}, HALF)}</div></div>"
    )
