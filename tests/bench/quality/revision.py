"""Which detector a result was got with: the last commit that changed it, not any commit.

A commit that changes only documents or the bridge's guide keeps results comparable; a working
tree with changes of its own gets a digest of what it holds, so that it is never taken for a commit.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[3]
#: What decides a result, given the traffic; the simulator decides the traffic.
_DECIDES: Final = (
    "stream", ":!stream/tools/simulate", "tests/bench/quality/measure.py",
    "tests/bench/quality/quality.toml",
)  # fmt: skip
#: Marks a tree that no commit holds.
CHANGED: Final = "-dirty-"


def revision() -> str:
    """Return the commit of the detector, with a digest where the tree differs from it."""
    commit = _git("log", "-1", "--format=%h", "--abbrev=9", "--", *_DECIDES) or "unknown"
    changed = _git("status", "--porcelain", "--", *_DECIDES)
    if not changed:
        return commit
    state = hashlib.blake2b(digest_size=3)
    for path in sorted((_ROOT / "stream").rglob("*.py")):
        state.update(path.read_bytes())
    return f"{commit}{CHANGED}{state.hexdigest()}"


def _git(*arguments: str) -> str:
    found = subprocess.run(
        ["git", *arguments], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip()
