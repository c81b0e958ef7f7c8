"""``distillwatch decisions``: lists decisions, and verifies the audit chain."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from stream.cli.common import ConfigOption, out, read_settings
from stream.cli.decision_lines import line
from stream.core.decisions import ENDED, Decision
from stream.core.errors import DecisionError
from stream.kafka.decisions_topic import DecisionsTopic

if TYPE_CHECKING:
    from collections.abc import Iterable

app = typer.Typer(help="List decisions, and verify the record of them.")
_EVERY_S: Final = 5.0


@app.callback(invoke_without_command=True)
def show(
    context: typer.Context,
    *,
    every: Annotated[bool, typer.Option("--all", help="Ended decisions, too")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Print changes as they come")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line")] = False,
    config: ConfigOption = None,
) -> None:
    """List proposals and decisions in force, soonest end first."""
    if context.invoked_subcommand is not None:
        return
    settings = read_settings(config)
    topic = DecisionsTopic(settings.kafka, settings.topics, settings.decisions)
    shown: dict[str, int] = {}
    while True:
        decisions = [one.decision for one in topic.read().states]
        known = [one for one in decisions if every or one.state not in ENDED or one.key in shown]
        _print((one for one in known if shown.get(one.key) != one.sequence), as_json=as_json)
        shown |= {one.key: one.sequence for one in known}
        if not watch:
            return
        time.sleep(_EVERY_S)


@app.command()
def audit(
    *,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read the whole chain, and end with 1 at a break")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Print the audit topic: what was decided, and records that were not accepted."""
    settings = read_settings(config)
    topic = DecisionsTopic(settings.kafka, settings.topics, settings.decisions)
    entries = topic.audit()
    if not verify:
        for value, _ in entries:
            sys.stdout.buffer.write(value + b"\n")
        return
    found = topic.verified(entries)
    if found.problem:
        raise DecisionError(f"audit: {found.problem}")
    out.print(f"audit: {found.end.number:,} entries, unbroken", markup=False)


def _print(decisions: Iterable[Decision], *, as_json: bool) -> None:
    for one in sorted(decisions, key=lambda decision: (decision.until, decision.key)):
        text = msgspec.json.encode(one).decode() if as_json else line(one)
        out.print(text, markup=False, soft_wrap=True)
