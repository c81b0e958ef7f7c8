"""``distillwatch undo``: ends a decision before its time."""

from __future__ import annotations

import time

from stream.cli.common import AuthorOption, ConfigOption
from stream.cli.decision_change import DecisionArgument, ReasonOption, change


def undo(
    decision_id: DecisionArgument,
    author: AuthorOption,
    reason: ReasonOption,
    config: ConfigOption = None,
) -> None:
    """End a decision before its time: gateways treat its accounts as before."""
    change(config, lambda desk: desk.undo(decision_id, author, time.time(), note=reason))
