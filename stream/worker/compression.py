"""Compresses what producers send with zstandard at its fastest usual level; it interprets no bytes.

aiokafka compresses on the event loop, at zstandard's level 3, and makes a new context for every
batch. Measured on packets and state (packets of two kinds of traffic, with and without text): level
1 in one context takes 0.6 of the time, and the bytes are 3 % more. There is no setting for the
level, so the function that builders of batches call is replaced.
"""

from __future__ import annotations

import sys
import threading
from typing import Final

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from zstandard import ZstdCompressor

_LEVEL: Final = 1


class _Contexts(threading.local):
    """One for each thread: a context compresses one thing at a time."""

    def __init__(self) -> None:
        self.compress = ZstdCompressor(level=_LEVEL).compress


_contexts: Final = _Contexts()


def zstd_encode(payload: bytes, level: int | None = None) -> bytes:
    """Return the frame of a batch's records; ``level`` is aiokafka's default."""
    del level
    return _contexts.compress(payload)


def install_fast_compression() -> None:
    """Make all producers of this process compress with :func:`zstd_encode`."""
    builders = sys.modules[DefaultRecordBatchBuilder.__module__]  # compiled, or in Python
    builders.zstd_encode = zstd_encode  # type: ignore[attr-defined]  # a function is replaced
