"""``distillwatch refuse``: refuses a proposal."""

from __future__ import annotations

import time

from stream.cli.common import AuthorOption, ConfigOption
from stream.cli.decision_change import DecisionArgument, ReasonOption, change


def refuse(
    decision_id: DecisionArgument,
    author: AuthorOption,
    reason: ReasonOption,
    config: ConfigOption = None,
) -> None:
    """Refuse a proposal: its accounts are not proposed again for the incident."""
    change(config, lambda desk: desk.refuse(decision_id, author, time.time(), note=reason))
