"""Deletes traffic that no run has opened for days: it is large, and each generator makes its own.

What was opened lately stays, whoever made it: other working trees play at the same time.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_UNUSED_S: Final = 3 * 86_400.0


def tidy(root: Path, plan: str) -> None:
    """Note that ``root`` is in use, and delete other traffic of a plan that no run uses."""
    os.utime(root)
    for path in root.parent.glob(f"{plan}-*"):
        if path.is_dir() and path != root and time.time() - path.stat().st_mtime > _UNUSED_S:
            shutil.rmtree(path)
