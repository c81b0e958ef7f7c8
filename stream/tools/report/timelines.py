"""The plots over time of a run's page: traffic of incidents against the rest, and scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.tools.report.account_traffic import WIDTHS
from stream.tools.report.cases import epoch
from stream.tools.report.plot import HALF, WIDE, Level, Mark, chart, counts, shares, times

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from stream.tools.report.account_traffic import Series, Traffic
    from stream.tools.report.cases import Case
    from stream.tools.report.plot import Size

#: Lines of their own in a plot; what is smaller is one line together.
DRAWN: Final = 5
_POINTS: Final = 180
REST: Final = "all other traffic"
_MEASURES: Final = {"requests": "requests an hour", "output_tokens": "output tokens an hour"}


def overview(found: Sequence[Case], traffic: Traffic) -> str:
    """Return two plots: requests and output tokens of each incident against all other traffic."""
    groups = {f"#{i} {_size(case)}": case.accounts for i, case in enumerate(found[:DRAWN], 1)}
    if others := found[DRAWN:]:
        together = frozenset[str]().union(*(case.accounts for case in others))
        groups[f"{len(others)} other incidents"] = together
    marks = [
        Mark(epoch(case.first.detected_at) / 3600, case.first.summary, f"#{i} alert")
        for i, case in enumerate(found[:DRAWN], 1)
    ]
    lines = _series(groups, traffic)
    return "".join(
        f"<h3>{title[0].upper()}{title[1:]}</h3>{_plot(measure, lines, marks, WIDE)}"
        for measure, title in _MEASURES.items()
    )


def of_case(case: Case, traffic: Traffic) -> str:
    """Return the same two plots of one incident, side by side."""
    lines = _series({"its members": case.accounts}, traffic)
    marks = [
        Mark(epoch(case.first.started_at) / 3600, "first evidence", "first evidence"),
        Mark(epoch(case.first.detected_at) / 3600, "first alert", "first alert"),
    ]
    plots = "".join(
        f"<div><h3>{title[0].upper()}{title[1:]}</h3>{_plot(measure, lines, marks, HALF)}</div>"
        for measure, title in _MEASURES.items()
    )
    return f'<div class="pair">{plots}</div>'


def score_lines(
    found: Sequence[Case],
    rest: Mapping[int, float],
    span: tuple[float, float],
    levels: Sequence[Level],
) -> str:
    """Return the plot of the highest score of each hour, for each incident and for the rest."""
    hourly: dict[str, Mapping[int, float]] = {"everything else": rest}
    hourly |= {f"#{i} {_size(case)}": case.scores for i, case in enumerate(found[:DRAWN], 1)}
    others: dict[int, float] = {}
    for case in found[DRAWN:]:
        for hour, score in case.scores.items():
            others[hour] = max(score, others.get(hour, 0.0))
    if others:
        hourly[f"{len(found) - DRAWN} other incidents"] = others
    first, last = int(span[0] // 3600), int(span[1] // 3600) + 1
    lines = {
        name: [
            point
            for hour in range(first, last)
            for point in ((hour, line.get(hour, 0.0)), (hour + 1, line.get(hour, 0.0)))
        ]
        for name, line in hourly.items()
    }
    label = "highest score of each hour"
    return chart(label, lines, times(first, last), shares(), (), levels=levels)


def _series(groups: Mapping[str, Collection[str]], traffic: Traffic) -> dict[str, Series]:
    first, last = traffic.span()
    width_s = next(
        (w for w in WIDTHS if w >= traffic.width_s and w * _POINTS >= last - first), WIDTHS[-1]
    )
    found = {name: traffic.series(some, width_s=width_s) for name, some in groups.items()}
    named = frozenset[str]().union(*groups.values())
    whole, theirs = (traffic.series(some, width_s=width_s) for some in (None, named))
    rest = type(whole)(
        whole.start_s,
        width_s,
        whole.requests - theirs.requests,
        whole.output_tokens - theirs.output_tokens,
    )
    return {REST: rest} | found


def _plot(measure: str, lines: Mapping[str, Series], marks: Sequence[Mark], size: Size) -> str:
    rates = {
        name: (getattr(one, measure) * (3600 / one.width_s)).tolist() for name, one in lines.items()
    }
    some = next(iter(lines.values()))
    step_h, first = some.width_s / 3600, some.start_s / 3600
    points = {
        name: [(first + (i + 0.5) * step_h, rate) for i, rate in enumerate(values)]
        for name, values in rates.items()
    }
    top = max((max(values, default=0.0) for values in rates.values()), default=0.0)
    hours = times(first, first + len(some.requests) * step_h, 8 if size is WIDE else 5)
    return chart(_MEASURES[measure], points, hours, counts(top), marks, size=size)


def _size(case: Case) -> str:
    many = len(case.members)
    return f"{many:,} accounts" if case.first.kind == "campaign" else case.members[0].account
