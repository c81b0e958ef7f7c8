"""A command of the product as a process of the demo, with its log and its pages."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stream.core.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_READY_WITHIN_S: Final = 60.0
_STOP_WITHIN_S: Final = 20.0


@dataclass(frozen=True)
class ChildProcess:
    """``address`` is that of its pages."""

    command: str
    process: subprocess.Popen[bytes]
    log: Path
    address: str

    @property
    def has_ended(self) -> bool:
        """Return whether the process has ended."""
        return self.process.poll() is not None

    def page(self, name: str) -> str:
        """Return a page; raises OSError where it does not answer."""
        with urllib.request.urlopen(f"{self.address}/{name}", timeout=5) as answer:  # noqa: S310 - our own process
            return str(answer.read().decode())

    def until_ready(self, check: Callable[[], None]) -> None:
        """Wait until it is ready; raises BrokerError when it ends or takes too long.

        ``check`` is called again and again, and raises to end the wait.
        """
        deadline = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < deadline:
            check()
            if self.has_ended:
                raise self.failure("ended while starting")
            try:
                self.page("readyz")
            except OSError:
                time.sleep(0.2)
            else:
                return
        raise self.failure(f"was not ready within {_READY_WITHIN_S:g} s")

    def failure(self, what: str) -> BrokerError:
        """Return an error with the last line of the log."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        last = lines[-1] if lines else "(none)"
        return BrokerError(f"the {self.command} {what}; its last line: {last}")


@contextmanager
def started(command: str, environment: Mapping[str, str], address: str) -> Iterator[ChildProcess]:
    """Start ``distillwatch COMMAND``, and stop it at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="distillwatch-") as folder:
        log = Path(folder) / f"{command}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "stream.cli.main", command],
                env=dict(environment),
                stdout=file,
                stderr=file,
                cwd=folder,
            )
        try:
            yield ChildProcess(command, process, log, address)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
