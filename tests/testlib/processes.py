"""Processes of this machine, as the kernel lists them."""

from pathlib import Path


def children(pid: int) -> list[int]:
    """Return what any thread of a process has started and not waited for, also what has ended."""
    files = sorted(Path(f"/proc/{pid}/task").glob("*/children"))
    return [int(child) for file in files for child in file.read_text().split()]
