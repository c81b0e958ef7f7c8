"""``distillwatch topics``: the topics that a worker needs."""

from __future__ import annotations

import logging
from enum import StrEnum
from typing import Annotated

import typer

from stream.cli.common import ConfigOption, out, read_settings, start_log
from stream.kafka.connection import keep_trying
from stream.kafka.topics import check, create


class Action(StrEnum):
    """What to do with the topics."""

    CHECK = "check"
    CREATE = "create"


def topics(
    action: Annotated[
        Action, typer.Argument(help="Verify the topics, or create missing ones")
    ] = Action.CHECK,
    config: ConfigOption = None,
) -> None:
    """Check or create the topics that a worker needs."""
    start_log(level=logging.WARNING, line="%(message)s")
    settings = read_settings(config)
    if action is Action.CREATE:
        for name in keep_trying(settings.kafka, lambda admin: create(admin, settings.topics)):
            out.print(f"created {name}")
    found = keep_trying(settings.kafka, lambda admin: check(admin, settings.topics))
    for name, partitions in found.items():
        out.print(f"ok {name}: {partitions} partitions")
