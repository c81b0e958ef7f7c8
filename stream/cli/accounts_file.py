"""Reads a file of accounts for the commands: a progress bar, invalid rows reported one by one."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from stream.cli.common import err
from stream.cli.progress_bar import progress
from stream.core.errors import UsageError
from stream.tools.replay.accounts import BadRow, entries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stream.intake.directory.directory import AccountDirectory
    from stream.tools.replay.accounts import FileEntry

_NAMED: Final = 20
_PORTION: Final = 2_000


class AccountRows:
    """The entries of a file, one after the other; ``bad`` rows are reported and skipped."""

    def __init__(self, path: Path, *, latest: float) -> None:
        """``latest`` is the last time, epoch seconds, that an account may have been created."""
        self._path = path
        self._latest = latest
        self.bad = 0

    def read(self, *, title: str) -> Iterator[FileEntry]:
        """Yield the entries; raises UsageError when the file has none."""
        good, self.bad = 0, 0
        with progress(title, _size(self._path)) as advance:
            for row in entries(self._path, latest=self._latest, advance=advance):
                if isinstance(row, BadRow):
                    self._report(f"{row.where}: {row.why}")
                else:
                    good += 1
                    yield row
        if self.bad > _NAMED:
            err.print(f"... and {self.bad - _NAMED} more", markup=False)
        if not good:
            raise UsageError(f"{self._path}: no row with an account_id and its entry")

    def _report(self, line: str) -> None:
        self.bad += 1
        if self.bad <= _NAMED:
            err.print(f"distillwatch: {line}", markup=False, soft_wrap=True)


def fill(directory: AccountDirectory, path: Path, *, latest: float) -> None:
    """Load a whole file into a directory; report rows beyond its limit."""
    rows = AccountRows(path, latest=latest).read(title="accounts")
    full = 0
    while portion := list(islice(rows, _PORTION)):
        full += len(directory.load([(row.key, row.value) for row in portion], latest=latest))
    if full:
        err.print(
            f"distillwatch: {path}: {full} accounts dropped (limit directory.max_entries)",
            markup=False,
            soft_wrap=True,
        )


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None
