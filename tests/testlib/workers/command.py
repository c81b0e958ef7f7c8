"""The product's own commands as processes: their settings, their pages, their log."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

DISTILLWATCH = [sys.executable, "-m", "stream.cli.main"]


def settings(bootstrap: str, **more: object) -> dict[str, str]:
    """Return an environment with topics and a group of its own; ``more`` as ``kafka_username``."""
    run_id = f"t{uuid.uuid4().hex[:8]}"
    given = {
        "kafka_bootstrap_servers": bootstrap,
        "kafka_app_id": run_id,
        "kafka_commit_interval_s": 0.3,
        "kafka_session_timeout_s": 3,
        "kafka_heartbeat_interval_s": 0.5,
        "topics_requests": f"{run_id}.requests",
        "topics_alerts": f"{run_id}.alerts",
        "topics_deadletter": f"{run_id}.deadletter",
        "topics_verdicts": f"{run_id}.verdicts",
        "topics_suppressions": f"{run_id}.suppressions",
        "topics_accounts": f"{run_id}.accounts",
        "topics_internal_prefix": f"{run_id}.internal.",
        "topics_partitions": 1,
        "topics_requests_partitions": 1,
        "http_host": "127.0.0.1",
        "http_port": free_port(),
        "windows_idle_timeout_s": 1,
    } | more
    clean = {name: value for name, value in os.environ.items() if "DISTILLWATCH_" not in name}
    return clean | {f"DISTILLWATCH_{name.upper()}": str(value) for name, value in given.items()}


def page(port: int | str, name: str, within_s: float = 5.0) -> tuple[int, str]:
    """Return status and text of a page on loopback; status 0 while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}", timeout=within_s) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except OSError:
        return 0, ""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [*DISTILLWATCH, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def total(metrics: str, name: str, **labels: str) -> float:
    """Return the sum of the samples of a metric with these labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


@dataclass
class Worker:
    """``distillwatch worker`` as a process."""

    process: subprocess.Popen[bytes]
    environment: dict[str, str]
    path: Path

    @property
    def log(self) -> str:
        return self.path.read_text()

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of a metric with these labels; 0 while nobody listens."""
        return total(self.page("metrics")[1], name, **labels)

    def page(self, name: str) -> tuple[int, str]:
        """Return status and text of a page; status 0 while nobody listens."""
        return page(self.environment["DISTILLWATCH_HTTP_PORT"], name)

    def until(self, holds: Callable[[], bool], *, within_s: float = 40, what: str) -> None:
        """Wait for something while the worker runs."""
        deadline = time.monotonic() + within_s
        while not holds():
            assert self.process.poll() is None, f"the worker ended: {self.log}"
            assert time.monotonic() < deadline, f"no {what} in {within_s:g} s: {self.log}"
            time.sleep(0.1)

    def until_ready(self) -> None:
        self.until(lambda: self.page("readyz")[0] == 200, within_s=90, what="readiness")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self, within_s: float = 45) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within_s)


@contextmanager
def worker(
    environment: dict[str, str], folder: Path, *program: str, command: str = "worker"
) -> Iterator[Worker]:
    """Start a worker; it is killed at the end of the block if it still runs."""
    path = folder / f"{command}-{uuid.uuid4().hex[:6]}.log"
    with path.open("wb") as log:
        process = subprocess.Popen(
            [*(program or DISTILLWATCH), command], env=environment, stdout=log, stderr=log
        )
    made = Worker(process, environment, path)
    try:
        yield made
    finally:
        made.kill()
