"""A `distillwatch worker` process on loopback, watched only from outside."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from testlib.paths import ROOT
from testlib.workers import command
from testlib.workers.command import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass
class RealWorker:
    """One worker for the length of a ``with`` block; killed at its end if it still runs.

    ``settings`` are environment variables without their prefix.
    """

    bootstrap: str
    log_file: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

    def __enter__(self) -> Self:
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stream.cli.main", "worker"],
                env=self.environment,
                stdout=log,
                stderr=log,
                cwd=self.log_file.parent,
            )
        self.started = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if "DISTILLWATCH_" not in name}
        own = {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": str(self.port),
            **self.settings,
        }
        own = {f"DISTILLWATCH_{name}": value for name, value in own.items()}
        return kept | {"PYTHONPATH": str(ROOT)} | own

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def get(self, page: str, within_s: float = 10.0) -> tuple[int, str]:
        """Return status and text of a page; status 0 while nobody listens."""
        return command.page(self.port, page, within_s)

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a metric with these labels."""
        return command.total(self.get("metrics")[1], name, **labels)

    def ready(self) -> bool:
        return self.get("readyz")[0] == 200

    def tracked(self) -> float:
        return self.total("distillwatch_accounts_tracked")

    def wait(self, done: Callable[[], bool], within_s: float, what: str) -> None:
        """Wait until ``done`` while the worker runs."""
        deadline = time.monotonic() + within_s
        while not done():
            assert self.process.poll() is None, f"the worker ended by itself: {self.log}"
            assert time.monotonic() < deadline, f"no {what} within {within_s:g} s: {self.log}"
            time.sleep(0.2)

    def stop(self, within_s: float = 60.0) -> int:
        """Ask it to end; return its exit code."""
        self.process.terminate()
        return self.process.wait(within_s)

    def memory_mib(self, what: str) -> int:
        """Return VmRSS (now) or VmHWM (at its peak)."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(what)) // 1024

    def cpu_s(self) -> float:
        """Return the processor time that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


PAGES = ("readyz", "livez", "metrics")


@dataclass(frozen=True)
class Answers:
    """What pages said: page -> [(status, text, seconds)]."""

    said: Mapping[str, list[tuple[int, str, float]]]

    def of(self, page: str) -> list[tuple[int, str]]:
        """Return what a page said, in order, without repetitions."""
        said = [(status, text.strip()) for status, text, _ in self.said[page]]
        return [one for i, one in enumerate(said) if said[i - 1 : i] != [one]]

    def longest_s(self) -> float:
        return max(took for page in self.said.values() for *_, took in page)

    def summary(self) -> str:
        """Return how often each page said what, and how long it took at the most."""
        parts = []
        for page, said in self.said.items():
            for status in sorted({status for status, *_ in said}):
                took = [seconds for s, _, seconds in said if s == status]
                parts.append(f"/{page} {len(took)} x {status} (longest {max(took):.2f} s)")
        return ", ".join(parts)


class PageWatch:
    """Asks for the pages of a worker all the time, from when it listens."""

    def __init__(self, worker: RealWorker) -> None:
        self._worker = worker
        self._said: dict[str, list[tuple[int, str, float]]] = {page: [] for page in PAGES}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(page,)) for page in PAGES]
        for thread in self._threads:
            thread.start()

    def _ask(self, page: str) -> None:
        while not self._over.wait(0.1):
            asked = time.monotonic()
            status, text = self._worker.get(page, within_s=60)
            if status or self._said[page]:
                self._said[page].append((status, text, time.monotonic() - asked))

    def end(self) -> Answers:
        """Stop asking; return what was said."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        return Answers(self._said)
