"""``distillwatch explain``: the statement of reasons for a customer."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from stream.cli.common import ConfigOption, out, read_settings
from stream.core.errors import UsageError
from stream.decisions.statement import statement
from stream.decisions.transitions import in_force
from stream.kafka.decisions_topic import DecisionsTopic


def explain(
    name: Annotated[
        str, typer.Argument(metavar="ACCOUNT|DECISION", help="An account's id, or dec_...")
    ],
    config: ConfigOption = None,
) -> None:
    """Print what a customer may be given: restriction, ground and appeal, and no detection."""
    settings, now = read_settings(config), time.time()
    register = DecisionsTopic(settings.kafka, settings.topics, settings.decisions).read()
    states = [one.decision for one in register.states]
    found = [one for one in states if one.key == name] or [
        one
        for one in states
        if in_force(one, now) and name in {subject_id for _, subject_id in one.subjects}
    ]
    if not found:
        raise UsageError(f"{name}: there is no such decision, and none in force about such an id")
    texts = [statement(one, contact=settings.decisions.contact) for one in found]
    out.print("\n\n".join(texts), markup=False, soft_wrap=True)
