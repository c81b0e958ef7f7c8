"""What all processes of a run share, made by the first one that needs it."""

from __future__ import annotations

import fcntl
import os
import pickle
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

T = TypeVar("T")


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[], T]) -> T:
    """Return what ``make`` gives in one process of pytest-xdist; the others wait and read it.

    It is pickled beside the temporary folders of this run's processes, so another run makes its
    own. Where ``make`` fails, the next process tries.
    """
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    path = folder / f"{name}.pickle"
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            found: T = pickle.loads(path.read_bytes())  # noqa: S301 - of this run
            return found
        made = make()
        path.write_bytes(pickle.dumps(made))
        return made
