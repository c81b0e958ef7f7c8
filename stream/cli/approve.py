"""``distillwatch approve``: approves a proposal."""

from __future__ import annotations

import time

from stream.cli.common import AuthorOption, ConfigOption
from stream.cli.decision_change import DecisionArgument, ReasonOption, change


def approve(
    decision_id: DecisionArgument,
    author: AuthorOption,
    reason: ReasonOption = "",
    config: ConfigOption = None,
) -> None:
    """Approve a proposal: gateways carry it out once as many people have as it needs."""
    change(config, lambda desk: desk.approve(decision_id, author, time.time(), note=reason))
