"""``distillwatch decisions``: lists decisions with their effect, and verifies the audit chain."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import typer

from stream.cli.common import ConfigOption, out, read_settings
from stream.cli.decision_lines import details, line
from stream.core.decisions import ENDED
from stream.core.errors import DecisionError, UsageError
from stream.kafka.decisions_topic import DecisionsTopic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.effects import FollowedDecision

app = typer.Typer(add_completion=False, help="List decisions, and verify the record of them.")
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
    """List proposals and decisions in force with their effect so far, soonest end first."""
    if context.invoked_subcommand is not None:
        return
    settings = read_settings(config)
    topic = DecisionsTopic(settings.kafka, settings.topics, settings.decisions)
    shown: dict[str, int] = {}
    while True:
        known = [
            one for one in topic.followed() if every or one.state not in ENDED or one.key in shown
        ]
        _print((one for one in known if shown.get(one.key) != one.sequence), as_json=as_json)
        shown |= {one.key: one.sequence for one in known}
        if not watch:
            return
        time.sleep(_EVERY_S)


@app.command("show")
def show_one(
    decision: Annotated[str, typer.Argument(help="From `distillwatch decisions`: dec_...")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object")] = False,
    config: ConfigOption = None,
) -> None:
    """Show one decision: who wanted it, where it was applied, and its effect so far."""
    settings = read_settings(config)
    topic = DecisionsTopic(settings.kafka, settings.topics, settings.decisions)
    found = next((one for one in topic.followed() if one.key == decision), None)
    if found is None:
        raise UsageError(f"{decision}: there is no such decision")
    text = msgspec.json.encode(found).decode() if as_json else details(found)
    out.print(text, markup=False, soft_wrap=True)


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


def _print(decisions: Iterable[FollowedDecision], *, as_json: bool) -> None:
    for one in sorted(decisions, key=lambda decision: (decision.until, decision.key)):
        text = msgspec.json.encode(one).decode() if as_json else line(one)
        out.print(text, markup=False, soft_wrap=True)
