"""Times as people and receivers read them. Parses none: the gateways' formats do."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(time: float) -> str:
    """Return epoch seconds as RFC 3339 in UTC, to the second."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
