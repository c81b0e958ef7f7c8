"""A process of the product on loopback, watched only from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testlib import metrics
from testlib.until import until
from testlib.workers.command import DISTILLWATCH, page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass
class Worker:
    """A process, its pages and its log."""

    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]
    log_file: Path
    started: float = field(default_factory=time.monotonic)

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def page(self, name: str, within_s: float = 5.0) -> tuple[int, str]:
        """Return status and text of a page; status 0 while nothing listens."""
        return page(self.environment["DISTILLWATCH_HTTP_PORT"], name, within_s)

    def ready(self) -> bool:
        return self.page("readyz")[0] == 200

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a metric with these labels; 0 while nothing listens."""
        return metrics.total(self.page("metrics")[1], name, **labels)

    def tracked(self) -> float:
        return self.total("distillwatch_accounts_tracked")

    def until(self, holds: Callable[[], object], *, within_s: float = 40, what: str) -> None:
        """Wait for something while the process runs."""
        until(holds, what=what, within_s=within_s, check=self.check, detail=lambda: self.log)

    def until_ready(self, within_s: float = 90) -> None:
        self.until(self.ready, within_s=within_s, what="ready worker")

    def check(self) -> None:
        assert self.process.poll() is None, f"the process ended: {self.log}"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self, within_s: float = 60) -> int:
        """End it as an orchestrator does; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)

    def memory_mib(self, what: str) -> int:
        """Return VmRSS (now) or VmHWM (at its peak)."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(what)) // 1024

    def cpu_s(self) -> float:
        """Return the processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(
    environment: Mapping[str, str],
    log_file: Path,
    *command: str,
    output: int | None = None,
    **options: Any,
) -> Worker:
    """Start a process that appends to a log; ``output`` replaces the log."""
    with log_file.open("ab") as log:
        out = log if output is None else output
        process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, **options)
    return Worker(process, environment, log_file)


@contextmanager
def running(
    environment: Mapping[str, str], log_file: Path, *command: str, **options: Any
) -> Iterator[Worker]:
    """Start a process, ``distillwatch worker`` unless another; kill it at the end of the block."""
    made = start(environment, log_file, *(command or (*DISTILLWATCH, "worker")), **options)
    try:
        yield made
    finally:
        made.kill()


@contextmanager
def worker(
    environment: Mapping[str, str], folder: Path, *program: str, command: str = "worker"
) -> Iterator[Worker]:
    """Start a command of the product, or of ``program``, with a log of its own in ``folder``."""
    log_file = folder / f"{command}-{uuid.uuid4().hex[:6]}.log"
    with running(environment, log_file, *(program or DISTILLWATCH), command) as made:
        yield made
