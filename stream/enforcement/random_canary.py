"""A canary that no one can guess."""

from __future__ import annotations

import secrets

from stream.core.canaries import CANARIES, canary_of


def random_canary() -> str:
    """Return one of all canaries, each as probable as the other."""
    return canary_of(secrets.randbelow(CANARIES))
