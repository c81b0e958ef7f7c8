"""The report of a soak: a page that needs no other file, its picture, the series as JSON."""

from __future__ import annotations

from collections import defaultdict
from html import escape
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from soak import charts, series
from soak.charts import Band, Line, Panel
from soak.markdown import markdown
from soak.month import START_S, Month
from soak.verdict import Verdict
from soak.verdicts import verdicts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stream.tools.report.scorecard import Scorecard

_DAY_S: Final = 86_400.0
_MIB: Final = 2**20
#: Topics with lines of their own, largest first.
_TOPICS: Final = 6
_WORDS: Final = {True: "held", False: "broken", None: "not measured"}
_STYLE: Final = (
    "body{font:15px/1.5 sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#1c1e21}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ddd;padding:.35em;"
    "text-align:left;vertical-align:top}.held{color:#1d7a43}.broken{color:#b00020;font-weight:bold}"
    "svg{width:100%;height:auto}pre{background:#f4f5f6;padding:.6em;overflow:auto}"
)


class Findings(msgspec.Struct):
    """The report as JSON, with the series that the page shows."""

    meta: series.Meta
    verdicts: list[Verdict]
    campaigns: list
    marks: list[series.Mark]
    samples: list[series.Sample]


def report(folder: Path) -> bool:
    """Write the report; return whether the run came to its end and no promise is broken."""
    run = series.read(folder)
    found, card = verdicts(run)
    svg = picture(run, card)
    (folder / "soak.svg").write_text(svg)
    (folder / "report.md").write_text(markdown(run, found))
    (folder / "report.html").write_text(page(run, found, svg))
    series.write(
        folder / "report.json",
        Findings(run.meta, found, card.campaigns, run.marks, run.samples),
    )
    print(f"{folder / 'report.html'}\n" + "\n".join(map(_line, found)))
    return run.end is not None and all(verdict.holds is not False for verdict in found)


def picture(run: series.Run, card: Scorecard) -> str:
    """Return the series as one picture over the days of the traffic."""
    clock = [sample.at_s for sample in run.samples] or [0.0]
    events = [max(0.0, s.event_s - START_S) / _DAY_S for s in run.samples] or [0.0]

    def day(at_s: float) -> float:
        return float(np.interp(at_s, clock, events))

    last = max(*events, 0.01)
    found = {one.campaign: one.detected_after_s for one in card.campaigns}
    bands = []
    for span in Month(run.meta.days, run.meta.seed).campaigns():
        start, end = (min((at - START_S) / _DAY_S, last) for at in (span.start_s, span.end_s))
        if start >= last:
            continue
        after = found.get(span.campaign)
        bands.append(
            Band(span.campaign, start, end, None if after is None else start + after / _DAY_S)
        )
    lag = [(day(s.at_s), s.lag_s) for s in run.samples if s.lag_s is not None]
    panels = [
        Panel("memory of each worker (resident)", _lives(run, day, lambda w: w.rss / _MIB), " MiB"),
        Panel("lag: age of the oldest record that is not committed", [Line("lag", [lag])], " s",
              bands=bands),
        Panel("topics, bytes on three brokers", _topics(run, day), " MiB"),
        Panel("open files of each worker", _lives(run, day, lambda w: float(w.files)), ""),
    ]  # fmt: skip
    shown = [(day(m.at_s), m.kind, m.text) for m in run.marks if m.kind in charts.MARK_COLOURS]
    return charts.picture(panels, last, shown, "a soak: memory, lag, topics, files over time")


def _lives(
    run: series.Run, day: Callable[[float], float], figure: Callable[[series.Life], float]
) -> list[Line]:
    parts: defaultdict[int, defaultdict[int, list]] = defaultdict(lambda: defaultdict(list))
    for sample in run.samples:
        for life in sample.workers:
            parts[life.worker][life.number].append((day(sample.at_s), figure(life)))
    return [Line(f"worker {w + 1}", list(some.values())) for w, some in sorted(parts.items())]


def _topics(run: series.Run, day: Callable[[float], float]) -> list[Line]:
    lines: defaultdict[str, list[tuple[float, float]]] = defaultdict(list)
    for sample in run.samples:
        for topic, size in sample.topics.items():
            lines[topic].append((day(sample.at_s), size / _MIB))
    largest = sorted(lines, key=lambda topic: -max(v for _, v in lines[topic]))[:_TOPICS]
    return [Line(t.removeprefix("distillwatch.internal."), [lines[t]]) for t in largest]


def page(run: series.Run, found: list[Verdict], svg: str) -> str:
    """Return the page."""
    meta = run.meta
    hours = run.samples[-1].at_s / 3600 if run.samples else 0.0
    broken = sum(verdict.holds is False for verdict in found)
    kinds = defaultdict(int)
    for mark in run.marks:
        kinds[mark.kind] += 1
    rows = "".join(
        f"<tr><td>{escape(v.promise)}</td><td>{escape(v.figure)}</td><td>{escape(v.limit)}</td>"
        f'<td class="{_WORDS[v.holds]}">{_WORDS[v.holds]}</td></tr>'
        for v in found
    )
    marks = "\n".join(f"{m.at_s:8.1f} s  {m.kind:13} {m.text.splitlines()[0]}" for m in run.marks)
    settings = "\n".join(f"{name} = {value}" for name, value in meta.settings.items())
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Soak</title>'
        f"<style>{_STYLE}</style><h1>Soak: {run.days:.1f} days of traffic in {hours:.2f} h</h1>"
        f"<p>Revision {escape(meta.revision)}, upgraded from {escape(meta.older_revision)}; "
        f"{sum(run.sent.values()):,} requests at {meta.pace:g} times the speed, seed {meta.seed}; "
        f"{kinds['kill']} workers killed, {kinds['roll_brokers']} brokers restarted, "
        f"{kinds['crash_broker']} killed. "
        f"{'No promise is broken.' if not broken else f'{broken} promises are broken.'} "
        "A leak that grows with the time of the clock, and not with the traffic, had these hours "
        "only to show.</p>"
        f"<table><tr><th>promise</th><th>measured</th><th>limit</th><th></th></tr>{rows}</table>"
        f"<h2>Over time</h2>{svg}<h2>What was done</h2><pre>{escape(marks)}</pre>"
        f"<h2>Settings</h2><p>All others are the defaults.</p><pre>{escape(settings)}</pre></html>"
    )


def _line(verdict: Verdict) -> str:
    return f"{_WORDS[verdict.holds]:12} {verdict.promise}: {verdict.figure} ({verdict.limit})"
