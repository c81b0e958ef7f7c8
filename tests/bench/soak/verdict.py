"""One promise of a soak with its figure."""

from __future__ import annotations

import msgspec


class Verdict(msgspec.Struct):
    """``holds``: None when the run was too short to tell."""

    promise: str
    figure: str
    limit: str
    holds: bool | None


def duration(seconds: float) -> str:
    """Return hours and minutes, or minutes alone."""
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"
