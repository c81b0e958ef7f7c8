"""All that left, in the page of an oversight report, and the part of campaigns."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

from stream.tools.report.bars import stacked
from stream.tools.report.look import more, table
from stream.tools.report.plot import times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.oversight.report import (
        CampaignGroup,
        Egress,
        EgressGroup,
        OversightReport,
        TokenSum,
    )

#: Layers of a plot beside the others; a reader cannot keep more colours apart (assumed).
_LAYERS: Final = 6
#: Rows of a table; the others are in JSON.
_ROWS: Final = 30
_LINE: Final = "known members of campaigns"
_OTHERS: Final = "others"
_UNKNOWN: Final = "unknown"
_DAY_H: Final = 24


def egress_section(report: OversightReport) -> str:
    """Return the section as HTML text."""
    egress = report.egress
    if not egress.days:
        return "<p>The ledger has no day of the period.</p>"
    return (
        f"{_note(egress)}{_plots(egress)}"
        f"<h3>By country</h3>{_groups(egress.countries, report.not_cleared.countries, 'country')}"
        f"<h3>By model</h3>{_groups(egress.models, report.not_cleared.models, 'model')}"
    )


def campaign_groups(groups: Sequence[CampaignGroup]) -> str:
    """Return the countries or models of a campaign with their parts of its output, as HTML."""
    total = sum(one.sums.output_tokens for one in groups)
    return escape(
        ", ".join(
            f"{_name(one.name)} {one.sums.output_tokens / total:.0%}" if total else _name(one.name)
            for one in groups
        )
        or "-"
    )


def _note(egress: Egress) -> str:
    total, known, before = egress.total, egress.campaigns_known, egress.campaigns_before
    return (
        f'<p class="note">All accounts, by the times of the log: {total.requests:,} requests, '
        f"{total.output_tokens:,} output tokens, {total.reasoning_tokens:,} of them for "
        f"reasoning. {known.output_tokens:,} output tokens ({_share(known, total)}) went to known "
        f"members of campaigns, and {before.output_tokens:,} ({_share(before, total)}) to members "
        "before they were found.</p>"
    )


def _plots(egress: Egress) -> str:
    days = egress.days
    first, last = (_hour(day.day) for day in (days[0], days[-1]))
    axis = times(first, last + _DAY_H, 6)
    count = round((last - first) / _DAY_H) + 1
    at = [round((_hour(day.day) - first) / _DAY_H) for day in days]
    known = _spread([day.campaigns_known.output_tokens for day in days], at, count)
    top = max(day.total.output_tokens for day in days)

    def plot(
        label: str, shown: Sequence[EgressGroup], groups: Sequence[Sequence[EgressGroup]]
    ) -> str:
        layers = [(name, _spread(values, at, count)) for name, values in _layers(shown, groups)]
        return stacked(label, layers, (_LINE, known), axis, float(top))

    by_country = plot("output tokens by country", egress.countries, [d.countries for d in days])
    by_model = plot("output tokens by model", egress.models, [d.models for d in days])
    return (
        f'<div class="pair"><div><h3>Output tokens of a day by country</h3>{by_country}</div>'
        f"<div><h3>Output tokens of a day by model</h3>{by_model}</div></div>"
    )


def _layers(
    all_of_them: Sequence[EgressGroup], days: Sequence[Sequence[EgressGroup]]
) -> list[tuple[str, list[int]]]:
    """Return the largest groups by name, and all others as one, each with a value for each day."""
    shown = [one.name for one in all_of_them if one.name][:_LAYERS]
    sent = [{one.name: one.sums.output_tokens for one in groups} for groups in days]
    # Who writes requests may name a model "others": layers are no dictionary.
    layers = [(name, [of_day.pop(name, 0) for of_day in sent]) for name in shown]
    return [*layers, (_OTHERS, [sum(of_day.values()) for of_day in sent])]


def _spread(values: Sequence[int], at: Sequence[int], count: int) -> list[float]:
    """Return the values at their places, 0 elsewhere: days without traffic."""
    spread = [0.0] * count
    for value, place in zip(values, at, strict=True):
        spread[place] = float(value)
    return spread


def _groups(groups: Sequence[EgressGroup], campaigns: Sequence[CampaignGroup], name: str) -> str:
    of_campaigns = {one.name: one.sums for one in campaigns}
    columns = [name, "#requests", "#input tokens", "#output tokens", "#for reasoning"]
    columns += ["#campaigns' output tokens", "#for reasoning"]
    rows = []
    for one in groups[:_ROWS]:
        theirs = of_campaigns.get(one.name)
        rows.append([escape(_name(one.name)), *_numbers(one.sums), *_part(theirs)])
    note = (
        '<p class="note">Of campaigns: all that members sent since the first evidence, each by its '
        f"main {name}: that of a {name} can be more than what left there in the period.</p>"
    )
    return note + table(columns, rows) + more(len(groups), len(rows), "in JSON")


def _numbers(sums: TokenSum) -> list[str]:
    amounts = (sums.requests, sums.input_tokens, sums.output_tokens, sums.reasoning_tokens)
    return [f"{amount:,}" for amount in amounts]


def _part(sums: TokenSum | None) -> list[str]:
    return ["-", "-"] if sums is None else _numbers(sums)[2:]


def _share(part: TokenSum, whole: TokenSum) -> str:
    return f"{part.output_tokens / whole.output_tokens:.1%}" if whole.output_tokens else "-"


def _name(name: str | None) -> str:
    return _OTHERS if name is None else name or _UNKNOWN


def _hour(day: str) -> float:
    return datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() / 3600
