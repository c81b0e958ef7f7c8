"""Bounds what the process may allocate while a library reads a file that may lie about its size."""

from __future__ import annotations

import resource
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A row group of a data set takes some hundred megabytes; a Parquet file of a few kilobytes can
#: unfold to any number of gigabytes.
MOST_BYTES: Final = 2 * 2**30


@contextmanager
def bounded_memory(most_bytes: int = MOST_BYTES) -> Iterator[None]:
    """Let the process allocate at most so much more inside; beyond it libraries raise MemoryError.

    Pages that a library only reserves count, too, if it may write to them.
    """
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    limit, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bound = pages * resource.getpagesize() + most_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (bound, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
