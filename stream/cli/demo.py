"""``distillwatch demo``: planted campaigns are found and stopped, on an embedded broker."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from stream.cli.common import err, out
from stream.cli.report import ReportFormat, report_text, write_report
from stream.core.alerts import Alert
from stream.core.decisions import Decision
from stream.oversight.record import ReportPeriod
from stream.tools.demo import response_table
from stream.tools.demo.run import Demo, DemoOutcome
from stream.tools.embedded import binary
from stream.tools.report import scorecard_table
from stream.tools.simulate.scenario import scenario

_LOOK_S: Final = 0.2


def demo(
    *,
    seconds: Annotated[
        float, typer.Option(metavar="S", min=5, help="Duration of the traffic")
    ] = 90,
    port: Annotated[
        int, typer.Option(metavar="P", min=0, max=65535, help="Port of /metrics; 0: any free port")
    ] = 0,
    report_file: Annotated[
        Path | None,
        typer.Option("--report", metavar="R.html", help="Write the oversight report of the day"),
    ] = None,
    stay: Annotated[
        bool, typer.Option("--stay", help="Keep the worker and its page running until Ctrl-C")
    ] = False,
) -> None:
    """Find planted campaigns in simulated traffic and act on them, on a broker in memory.

    Exit code 0 only when every campaign was found and nothing benign was accused or refused.
    """
    binary.package()  # before the progress bar: its absence is one line
    chosen = scenario("demo")
    hours = chosen.span_s / 3600
    seen: set[str] = set()
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=err) as bar:
        task = bar.add_task("starting broker and worker", total=chosen.span_s)

        def on_start(address: str, token: str) -> None:
            page = f"{address}/page/#token={token}"
            bar.console.print(f"open the page: {page}", soft_wrap=True, highlight=False)
            bar.console.print(f"worker ready: {address}/metrics  {address}/readyz")
            bar.update(task, description=f"playing {hours:g} hours of traffic")

        def on_alert(alert: Alert) -> None:
            if alert.alert_id not in seen:
                seen.add(alert.alert_id)
                line = f"{alert.severity:8} {alert.detected_at}  {alert.summary}"
                bar.console.print(line, markup=False)

        def on_approved(decision: Decision) -> None:
            people = " and ".join(one.name for one in decision.approved_by)
            what = f"{decision.action} {len(decision.subjects)} of {decision.subject.id}"
            bar.console.print(f"approved {what}, by {people}", markup=False)

        def on_outcome(outcome: DemoOutcome) -> None:
            bar.stop()
            out.print(scorecard_table.render(outcome.card))
            out.print(response_table.render(outcome.response, chosen.span_s / seconds))
            if report_file is not None:
                period = ReportPeriod(chosen.start_s, chosen.start_s + chosen.span_s)
                write_report(report_file, report_text(outcome.settings, period, ReportFormat.HTML))
            if stay:
                err.print("the page stays until Ctrl-C")
                with contextlib.suppress(KeyboardInterrupt):
                    while True:
                        run.check()
                        time.sleep(_LOOK_S)

        run = Demo(
            scenario=chosen,
            seconds=seconds,
            port=port,
            on_start=on_start,
            on_alert=on_alert,
            on_approved=on_approved,
            on_progress=lambda _, at_s: bar.update(task, completed=at_s),
            on_outcome=on_outcome,
        )
        _end_on_signals(run)
        outcome = run.run()
    if not outcome.perfect:
        raise typer.Exit(1)


def _end_on_signals(run: Demo) -> None:
    """End a run on Ctrl-C, and on SIGTERM, which a stopped container gets; at once on another."""

    def end(number: int, _: object) -> None:
        run.interrupt()
        signal.signal(number, signal.default_int_handler)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
