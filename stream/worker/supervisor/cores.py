"""How many cores this process may use: its CPU affinity and the CPU quota of its cgroups."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def available_cores(root: Path = Path("/")) -> int:
    """Return the whole cores that are available, at least 1; files are read below ``root``."""
    quotas = (_quota(folder) for folder in _cgroups(root))
    return max(1, int(min((_affinity(), *(q for q in quotas if q is not None)))))


def _affinity() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every platform
        return os.cpu_count() or 1


def _cgroups(root: Path) -> Iterator[Path]:
    """Yield the cgroups of this process and those around them; each may have a quota.

    Lines are ``0::/path`` (version 2) and ``4:cpu,cpuacct:/path`` (version 1).
    """
    mounted = root / "sys/fs/cgroup"
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        inside = PurePosixPath(path.lstrip("/"))
        for name in {controllers, "cpu"} if controllers else {""}:
            for folder in (inside, *inside.parents):
                yield mounted / name / folder


def _quota(folder: Path) -> float | None:
    """Return the quota of a cgroup in cores; None without one."""
    limit, _, period = _read(folder / "cpu.max").strip().partition(" ")
    if not limit:
        limit = _read(folder / "cpu.cfs_quota_us").strip()
        period = _read(folder / "cpu.cfs_period_us").strip()
    if limit.isdecimal() and period.isdecimal() and int(period):
        return int(limit) / int(period)
    return None  # "max", -1, or no such file


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
