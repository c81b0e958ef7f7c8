"""The page of ``replay --html``: one file, no script, no outside asset."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Final

from stream.report.ledger import BENIGN
from stream.report.plot import Mark, timeline
from stream.report.table import COLUMNS, cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.report.ledger import Ledger
    from stream.report.run import RunReport
    from stream.report.scorecard import Scorecard
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


def page(figures: RunReport, alerts: Sequence[Alert], ledger: Ledger) -> str:
    """Return the whole page as HTML text."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>distillwatch replay</title><style>{_STYLE}</style><h1>Replay</h1>"
        f"{_figures(figures)}<h2>Requests an hour</h2>{_plot(alerts, ledger)}"
        f"{_campaigns(figures.scorecard)}{_incidents(alerts)}</html>"
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


def _plot(alerts: Sequence[Alert], ledger: Ledger) -> str:
    series: dict[str, dict[int, int]] = {}
    for (name, hour), count in sorted(ledger.hourly.items()):
        series.setdefault(name if name != BENIGN else "all other traffic", {})[hour] = count
    first: dict[str, Alert] = {}
    for alert in alerts:
        first.setdefault(alert.alert_id, alert)
    marks = [
        Mark(datetime.fromisoformat(alert.detected_at).timestamp() / 3600, alert.summary)
        for alert in first.values()
    ]
    return timeline(series, marks)


def _campaigns(card: Scorecard | None) -> str:
    if card is None:
        return ""
    rows = "".join(
        "<tr><td>" + "<td>".join(map(escape, cells(result))) for result in card.campaigns
    )
    rate = f"{card.false_per_10k_accounts_day:.1f} per 10,000 benign accounts a day"
    return (
        f"<h2>Planted campaigns</h2><table><tr><th>{'<th>'.join(COLUMNS)}{rows}</table>"
        f"<p>{card.false_incidents} false incidents, {rate}.</p>"
    )


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
