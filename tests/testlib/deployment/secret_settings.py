"""Which settings are secrets."""

from __future__ import annotations

from stream.cli.describe import describe
from stream.core.secret import Secret
from stream.settings import Settings


def secrets() -> set[str]:
    """Return the names of all settings that hold a secret."""
    settings = Settings()
    found = set()
    for one in describe():
        section, _, field = one.name.partition(".")
        if isinstance(getattr(getattr(settings, section), field), Secret):
            found.add(one.name)
    return found
