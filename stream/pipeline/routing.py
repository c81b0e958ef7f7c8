"""The task that an account or an indicator belongs to: the same on every worker, for ever.

Changing this function moves accounts away from their state: it is part of the state's format.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Array


def account_tasks(accounts: Sequence[str], tasks: int) -> Array:
    """Return the task of each account id, shape ``(n,)``, i8: CRC-32 of its UTF-8 bytes."""
    return np.array([zlib.crc32(account.encode()) % tasks for account in accounts], np.int64)


def value_tasks(values: Array, tasks: int) -> Array:
    """Return the task of each indicator (u8), shape ``(n,)``, i8.

    Values are keyed fingerprints, uniform already; the high bits are used because the low ones
    may have chosen a Kafka partition before.
    """
    return np.asarray(((values >> np.uint64(32)) % np.uint64(tasks)).astype(np.int64))
