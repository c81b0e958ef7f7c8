"""The page of ``replay --html``: one file, no script, no outside asset."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Final

from stream.report.ledger import BENIGN
from stream.report.plot import Mark, leaks, precision_recall, scores, timeline
from stream.report.table import COLUMNS, cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.report.ledger import Ledger
    from stream.report.run import RunReport
    from stream.report.scorecard import Scorecard
    from stream.report.scores import ScoreLog
    from stream.types.alerts import Alert

_INCIDENTS_SHOWN: Final = 200

_STYLE: Final = """
:root{color-scheme:light dark;--line:#8884}
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;text-align:left;
border-bottom:1px solid var(--line);vertical-align:top}svg{width:100%;height:auto}
svg text{font-size:11px;fill:currentColor}.grid{stroke:var(--line)}
line.mark{stroke:#d1495b;stroke-dasharray:3 3}.legend{list-style:none;padding:0;display:flex;
gap:1.2rem;flex-wrap:wrap}.legend span{display:inline-block;width:1rem;height:.3rem;
margin-right:.4rem;vertical-align:middle}.legend span.mark{background:#d1495b}
dl{display:flex;gap:2rem;flex-wrap:wrap}dt{opacity:.7}dd{margin:0;font-size:1.4rem}
"""


def page(figures: RunReport, alerts: Sequence[Alert], ledger: Ledger, score_log: ScoreLog) -> str:
    """Return the whole page as HTML text."""
    marks = _marks(alerts)
    body = (
        f"<h1>Replay</h1>{_figures(figures)}<h2>Requests an hour</h2>{_requests(ledger, marks)}"
        f"<h2>Scores</h2>{scores(score_log.hourly, marks)}"
        f"{_campaigns(figures.scorecard, ledger, score_log)}{_incidents(alerts)}"
    )
    return document("distillwatch replay", body)


def document(title: str, body: str) -> str:
    """Return a page of this look."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>{body}</html>"
    )


def _figures(figures: RunReport) -> str:
    shown = {
        "events": f"{figures.events:,}",
        "accounts": f"{figures.accounts:,}",
        "days": f"{figures.days:.1f}",
        "events a second": f"{figures.events_per_second:,.0f}",
        "incidents": str(sum(figures.incidents.values())),
        "dead letters": f"{sum(figures.dead_letters.values()):,}",
    }
    return (
        "<dl>" + "".join(f"<div><dt>{k}</dt><dd>{v}</dd></div>" for k, v in shown.items()) + "</dl>"
    )


def _requests(ledger: Ledger, marks: Sequence[Mark]) -> str:
    series: dict[str, dict[int, int]] = {}
    for (name, hour), count in sorted(ledger.hourly.items()):
        series.setdefault(name if name != BENIGN else "all other traffic", {})[hour] = count
    return timeline(series, marks)


def _marks(alerts: Sequence[Alert]) -> list[Mark]:
    first: dict[str, Alert] = {}
    for alert in alerts:
        first.setdefault(alert.alert_id, alert)
    return [
        Mark(datetime.fromisoformat(alert.detected_at).timestamp() / 3600, alert.summary)
        for alert in first.values()
    ]


def _campaigns(card: Scorecard | None, ledger: Ledger, score_log: ScoreLog) -> str:
    if card is None:
        return ""
    rows = "".join(
        "<tr><td>" + "<td>".join(map(escape, cells(result))) for result in card.campaigns
    )
    rate = f"{card.false_per_10k_accounts_day:.1f} per 10,000 benign accounts a day"
    return (
        f"<h2>Planted campaigns</h2><table><tr><th>{'<th>'.join(COLUMNS)}{rows}</table>"
        f"<p>{card.false_incidents} false incidents, {rate}.</p>"
        "<h2>Leaked</h2><p>Share of each campaign's output tokens that has left; what lies before "
        f"its alert is lost.</p>{_leaks(card, ledger)}"
        "<h2>Precision and recall</h2><p>Of accounts, over all thresholds.</p>"
        f"{precision_recall({'accounts': score_log.precision_recall()})}"
    )


def _leaks(card: Scorecard, ledger: Ledger) -> str:
    detected = [
        Mark(result.detected_after_s / 3600, f"{result.campaign} found")
        for result in card.campaigns
        if result.detected_after_s is not None
    ]
    return leaks({r.campaign: ledger.leaked(r.campaign) for r in card.campaigns}, detected)


def _incidents(alerts: Sequence[Alert]) -> str:
    newest = {alert.alert_id: alert for alert in alerts}
    rows = "".join(_incident(alert) for alert in list(newest.values())[:_INCIDENTS_SHOWN])
    more = max(len(newest) - _INCIDENTS_SHOWN, 0)
    note = f"<p>{more} more in the alerts file.</p>" if more else ""
    return (
        "<h2>Incidents</h2><table><tr><th>since<th>severity<th>score<th>what<th>why"
        f"{rows}</table>{note}"
    )


def _incident(alert: Alert) -> str:
    why = "".join(
        f"<li>{escape(evidence.meaning)} ({evidence.value:.3g} {escape(evidence.unit)})"
        for evidence in alert.evidence
    )
    return (
        f"<tr><td>{escape(alert.started_at)}<td>{alert.severity}<td>{alert.score:.3f}"
        f"<td>{escape(alert.summary)}<td><ul>{why}</ul>"
    )
