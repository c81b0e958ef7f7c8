"""What approve, refuse and undo share: reads decisions, changes one, writes and prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stream.cli.common import out, read_settings
from stream.cli.decision_lines import line
from stream.decisions.decision_desk import DecisionDesk
from stream.kafka.decisions_topic import DecisionsTopic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stream.decisions.transitions import Stored

DecisionArgument = Annotated[str, typer.Argument(help="From `distillwatch decisions`: dec_...")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="R", help="Kept with the decision")]


def change(config: Path | None, act: Callable[[DecisionDesk], Stored]) -> None:
    """Write the state that ``act`` returns."""
    settings = read_settings(config)
    topic = DecisionsTopic(settings.kafka, settings.topics, settings.decisions)
    state = act(DecisionDesk(settings.decisions, topic.read()))
    topic.write([state])
    out.print(line(state.decision), markup=False, soft_wrap=True)
