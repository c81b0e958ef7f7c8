"""The report of a soak for the documentation: a table, and the command that gives it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from soak.series import Run
    from soak.verdict import Verdict

_WORDS = {True: "held", False: "**broken**", None: "not measured"}


def markdown(run: Run, found: list[Verdict]) -> str:
    """Return the part of docs/soak.md that a run gives."""
    meta = run.meta
    kinds = Counter(mark.kind for mark in run.marks)
    hours = run.samples[-1].at_s / 3600 if run.samples else 0.0
    loads = sorted(sample.load for sample in run.samples)
    load = loads[len(loads) // 2] if loads else 0.0
    what = (
        f'`make soak ARGS="{meta.command}"`, revision `{meta.revision}`, upgraded from '
        f"`{meta.older_revision}`: {run.days:.1f} days of traffic in {hours:.2f} hours, "
        f"{sum(run.sent.values()):,} requests; {kinds['kill']} workers killed (SIGKILL), "
        f"{kinds['roll_workers'] + kinds['upgrade']} stopped and started again (of these "
        f"{kinds['upgrade']} upgraded), {kinds['roll_brokers']} brokers restarted, "
        f"{kinds['crash_broker']} killed; load of the machine {load:.0f} (median)."
    )
    lines = [
        what,
        "",
        "| promise | measured | limit | |",
        "|---|---|---|---|",
        *(f"| {v.promise} | {_cell(v.figure)} | {v.limit} | {_WORDS[v.holds]} |" for v in found),
    ]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
