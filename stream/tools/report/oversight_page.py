"""The oversight report as a page of one file that prints well; it names no account."""

from __future__ import annotations

from datetime import datetime
from html import escape
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from stream.tools.report.egress_page import campaign_groups, egress_section
from stream.tools.report.look import document, figures, more, table
from stream.tools.report.plot import HALF, PlotAxis, chart, counts, shares, times
from stream.tools.report.scorecard_table import duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.oversight.report import (
        ActionCount,
        CampaignRow,
        IncidentSum,
        LeakedShare,
        OversightReport,
    )

#: Campaigns in the table; the others are in JSON and CSV.
_ROWS: Final = 200
_HOUR_S: Final = 3600
#: Ticks of spans, in hours.
_SPANS: Final = (
    (0.0, "0"),
    (0.25, "15 min"),
    (1.0, "1 h"),
    (4.0, "4 h"),
    (24.0, "1 day"),
    (168.0, "7 days"),
    (720.0, "30 days"),
)
#: Shorter times are shown in seconds.
_SHORT_S: Final = 120
_NONE: Final = "<p>None.</p>"


def oversight_page(report: OversightReport) -> str:
    """Return the whole page as HTML text."""
    body = (
        f"<h1>Oversight report</h1>{_head(report)}{_figures(report.total)}{_plots(report)}"
        f"<h2>Campaigns</h2>{_campaigns(report.campaigns)}"
        f"<h2>Countries and models of campaigns</h2>{_places(report.campaigns)}"
        f"<h2>All that left</h2>{egress_section(report)}"
        f"<h2>Response</h2>{_responses(report.campaigns)}"
        f"<h2>How long it took</h2>{_delays(report.total)}"
        f"<h2>Actions</h2>{_actions(report.total.actions)}{_without_alert(report)}"
        f"<h2>In all</h2>{_sums(report)}"
        f"<h2>Techniques and models</h2>{_counted(report)}"
        f"<h2>What was read</h2>{_records(report)}"
        f"<h2>What the report cannot show</h2><ul>"
        f"{''.join(f'<li>{escape(one)}</li>' for one in report.limits)}</ul>"
    )
    return document("distillwatch oversight report", body)


def _head(report: OversightReport) -> str:
    state = "" if report.complete else " <b>The topics do not hold the whole period.</b>"
    return (
        f'<p class="note">Incidents first alerted from {report.since} until before {report.until}; '
        f"figures as of {report.newest_record or 'never: the topics are empty'}; made by "
        f"distillwatch {escape(report.version)}.{state}</p>"
    )


def _figures(total: IncidentSum) -> str:
    cleared = total.verdicts["false_positive"] + total.verdicts["benign"]
    estimate = total.effect.tokens_not_taken_estimate
    return figures(
        {
            "incidents": f"{total.incidents:,}",
            "campaigns": f"{total.campaigns:,}",
            "found harmless": f"{cleared:,}",
            "accounts": f"{total.accounts:,}",
            "requests": f"{total.requests:,}",
            "input tokens": f"{total.input_tokens:,}",
            "output tokens": f"{total.output_tokens:,}",
            "for reasoning": f"{total.reasoning_tokens:,}",
            "not taken (estimate)": "-" if estimate is None else f"{estimate:,}",
            "requests refused or slowed": f"{total.effect.refused + total.effect.slowed:,}",
        }
    )


def _plots(report: OversightReport) -> str:
    if not report.campaigns:
        return ""
    return (
        '<div class="pair"><div><h3>Output tokens of campaigns</h3><p class="note">Sum, by the '
        f"hour of each campaign's first alert.</p>{_tokens(report)}</div>"
        '<div><h3>Time from evidence to action</h3><p class="note">Share of campaigns, by time '
        f"since their first evidence.</p>{_times(report.campaigns)}</div></div>"
    )


def _tokens(report: OversightReport) -> str:
    first, last = _hour(report.since), _hour(report.until)
    sums = list(accumulate(one.output_tokens for one in report.campaigns))
    line = [(first, 0.0)]
    for one, total in zip(report.campaigns, sums, strict=True):
        line += [(_hour(one.detected), line[-1][1]), (_hour(one.detected), float(total))]
    line.append((last, line[-1][1]))
    return chart(
        "output tokens of campaigns",
        {"output tokens": line},
        times(first, last, 6),
        counts(sums[-1]),
        (),
        size=HALF,
    )


def _times(campaigns: Sequence[CampaignRow]) -> str:
    # Detection is by the clock of the log, the rest by that of people: only spans can be added.
    spans: dict[str, list[float | None]] = {
        "detected": [one.detect_s for one in campaigns],
        "decided": [_added(one.detect_s, one.decide_s) for one in campaigns],
        "enforced": [_added(one.detect_s, one.decide_s, one.enforce_s) for one in campaigns],
    }
    lines: dict[str, list[tuple[float, float]]] = {}
    for name, several in spans.items():
        steps = [(0.0, 0.0)]
        known = sorted(seconds / _HOUR_S for seconds in several if seconds is not None)
        for number, hour in enumerate(known, start=1):
            steps += [(hour, steps[-1][1]), (hour, number / len(campaigns))]
        lines[name] = steps
    longest = max(line[-1][0] for line in lines.values())
    ticks = [(hours, text) for hours, text in _SPANS if hours <= max(longest, 1)]
    axis = PlotAxis(0, max(longest, 1), ticks, log=_SPANS[1][0])
    lines = {name: [*line, (axis.high, line[-1][1])] for name, line in lines.items()}
    return chart("share of campaigns", lines, axis, shares(), (), size=HALF)


def _campaigns(campaigns: Sequence[CampaignRow]) -> str:
    if not campaigns:
        return _NONE
    columns = ["campaign", "severity", "#accounts", "#requests", "#input tokens"]
    columns += ["#output tokens", "@first seen", "@last seen", "@detected", "verdict"]
    rows = [
        [
            f"<code>{escape(one.campaign_id)}</code>",
            f'<span class="badge {one.severity}">{one.severity}</span>',
            f"{one.accounts:,}",
            f"{one.requests:,}",
            f"{one.input_tokens:,}",
            f"{one.output_tokens:,}",
            *map(_short, (one.first_seen, one.last_seen, one.detected)),
            (one.verdict or "-").replace("_", " "),
        ]
        for one in campaigns[:_ROWS]
    ]
    return table(columns, rows) + more(len(campaigns), len(rows), "campaigns, in JSON and CSV")


def _places(campaigns: Sequence[CampaignRow]) -> str:
    if not campaigns:
        return _NONE
    columns = ["campaign", "#reasoning tokens", "countries, of its output", "models, of its output"]
    rows = [
        [
            f"<code>{escape(one.campaign_id)}</code>",
            f"{one.reasoning_tokens:,}",
            campaign_groups(one.countries),
            campaign_groups(one.models),
        ]
        for one in campaigns[:_ROWS]
    ]
    return table(columns, rows) + more(len(campaigns), len(rows), "campaigns, in JSON and CSV")


def _responses(campaigns: Sequence[CampaignRow]) -> str:
    if not campaigns:
        return _NONE
    columns = ["campaign", "@decided", "#to enforce", "#to refuse", "#leaked before alert"]
    columns += ["#before action", "actions", "#refused or slowed", "#not taken (est.)"]
    rows = [
        [
            f"<code>{escape(one.campaign_id)}</code>",
            _short(one.decided),
            _seconds(one.enforce_s),
            _seconds(one.refuse_s),
            "-" if one.leaked_before_alert is None else f"{one.leaked_before_alert:.1%}",
            _between(one.leaked_before_action),
            _taken(one.actions),
            f"{one.effect.refused + one.effect.slowed:,}",
            _number(one.effect.tokens_not_taken_estimate),
        ]
        for one in campaigns[:_ROWS]
    ]
    return table(columns, rows) + more(len(campaigns), len(rows), "campaigns, in JSON and CSV")


def _taken(actions: Sequence[ActionCount]) -> str:
    return ", ".join(f"{one.action} {one.decisions}" for one in actions if one.decisions) or "-"


def _delays(total: IncidentSum) -> str:
    named = {
        "to detect: first evidence to first alert": total.delays.detect,
        "to decide: alert to the last needed approval": total.delays.decide,
        "to enforce: approval until an enforcer held it": total.delays.enforce,
        "to refuse: approval to the first request refused or slowed": total.delays.refuse,
    }
    rows = [
        [name, f"{one.incidents:,}", _seconds(one.median_s), _seconds(one.p90_s)]
        for name, one in named.items()
    ]
    return table(["", "#incidents", "#median", "#nine of ten within"], rows)


def _actions(actions: Sequence[ActionCount]) -> str:
    if not actions:
        return _NONE
    names = (
        *("decisions", "simulated", "waiting", "unanswered", "refused", "approved"),
        *("enforced", "undone", "expired", "replaced"),
    )
    rows = [
        [one.action.replace("_", " "), *(f"{getattr(one, name):,}" for name in names)]
        for one in actions
    ]
    return table(["action", *(f"#{name}" for name in names)], rows)


def _without_alert(report: OversightReport) -> str:
    if not report.decisions_without_alert:
        return ""
    return f"<h3>Without an alert on the topic</h3>{_actions(report.decisions_without_alert)}"


def _sums(report: OversightReport) -> str:
    sums = {
        "all incidents": report.total,
        "without those found harmless": report.not_cleared,
        "of all: single accounts": report.single_accounts,
    }
    columns = ["", "#incidents", "#accounts", "#requests", "#input tokens", "#output tokens"]
    columns += ["#critical", "#warning", "#info"]
    rows = []
    for name, one in sums.items():
        numbers = (one.incidents, one.accounts, one.requests, one.input_tokens, one.output_tokens)
        severities = (one.severities[level] for level in ("critical", "warning", "info"))
        rows.append([name, *(f"{number:,}" for number in (*numbers, *severities))])
    return table(columns, rows)


def _counted(report: OversightReport) -> str:
    named = [*report.total.techniques.items(), *report.models.items()]
    rows = [[f"<code>{escape(name)}</code>", f"{count:,}"] for name, count in named]
    return table(["id", "#incidents"], rows) if rows else _NONE


def _records(report: OversightReport) -> str:
    rows = [[one.topic, f"{one.read:,}", f"{one.damaged:,}"] for one in report.records]
    begins = f"The alerts topic begins at {report.oldest_alert or '-'}. "
    note = f'<p class="note">{begins}{report.drills:,} drills are left out.</p>'
    return note + table(["topic", "#records", "#damaged, unsigned or forged"], rows)


def _added(*spans: float | None) -> float | None:
    known = [span for span in spans if span is not None]
    return sum(known) if len(known) == len(spans) else None


def _hour(time: str) -> float:
    return datetime.fromisoformat(time).timestamp() / _HOUR_S


def _short(time: str | None) -> str:
    return "-" if time is None else time[:16].replace("T", " ")


def _between(share: LeakedShare | None) -> str:
    return "-" if share is None else f"{share.at_least:.1%} to {share.at_most:.1%}"


def _number(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _seconds(seconds: float | None) -> str:
    if seconds is not None and seconds < _SHORT_S:
        return f"{seconds:,.1f} s"
    return duration(seconds)
