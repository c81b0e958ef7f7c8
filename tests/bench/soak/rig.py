"""The brokers and workers of a soak: real processes that are killed, stopped and started again."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from stream.kafka.connection import connect
from stream.kafka.topics import wanted
from stream.settings import Settings, load
from testlib.brokers.apache_kafka import ApacheKafkaError
from testlib.until import until
from testlib.workers.command import worker_environment
from testlib.workers.worker import Worker, start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from testlib.brokers.apache_kafka import ApacheKafka, Node

WORKERS: Final = 2
BROKERS: Final = 3
#: Below those of testlib.ports, which tests that run beside a soak take.
FIRST_PORT: Final = 8700
_READY_WITHIN_S: Final = 180.0
_STOP_WITHIN_S: Final = 90.0
_IN_SYNC_WITHIN_S: Final = 180.0
#: An orchestrator takes some seconds to start a process again.
_AGAIN_AFTER_S: Final = 3.0
#: How often a broker is started that does not answer.
_STARTS: Final = 3
#: How long a broker is away: a restart with its checks.
_BROKER_AWAY_S: Final = 8.0
#: Two builds beside each other, or two restarted workers after each other.
_BETWEEN_S: Final = 20.0
_prctl = ctypes.CDLL(None).prctl


def die_with_parent() -> None:
    """End with the thread that started the process, whatever becomes of it."""
    _prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


@dataclass(frozen=True)
class Lived:
    """A process of the run; ``number`` counts all of them."""

    number: int
    worker: int
    process: Worker


@dataclass
class Rig:
    """Everything is started by the main thread, as it ends with the thread that started it."""

    folder: Path
    kafka: ApacheKafka
    overrides: dict[str, object]
    python: str
    """The interpreter whose build workers start with."""
    mark: Callable[[str, str], None]
    slots: list[Lived] = field(default_factory=list)
    lived: int = 0

    def __post_init__(self) -> None:
        """Read the settings that all workers have."""
        self.environment = worker_environment(self.kafka.bootstrap, **self.overrides)
        self.environment.pop("PYTHONPATH")
        self.settings: Settings = load(None, self.environment)

    # -- workers --------------------------------------------------------------------------------

    def create_topics(self, pace: float) -> None:
        """Create the topics as the product does, but what is kept for days for as long at ``pace``.

        The settings allow no retention below an hour, so they cannot do it.
        """
        with connect(self.settings.kafka) as admin:
            admin.create_topics(
                {
                    topic.name: {
                        "num_partitions": topic.partitions,
                        "replication_factor": topic.replication_factor,
                        "configs": _paced(topic.config, pace),
                    }
                    for topic in wanted(self.settings.topics)
                }
            )
        command = [sys.executable, "-m", "stream.cli.main", "topics", "create"]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=180
        )
        if done.returncode:
            raise RuntimeError(done.stderr)

    def start_all(self) -> None:
        """Start the workers, and wait until they are ready."""
        self.slots = [self._new(worker) for worker in range(WORKERS)]
        for worker in range(WORKERS):
            self.until_ready(worker)

    def kill(self, worker: int) -> None:
        """Kill a worker; it is started again after some seconds."""
        self.slots[worker].process.kill()
        self.mark("kill", f"worker {worker + 1} killed (SIGKILL)")
        time.sleep(_AGAIN_AFTER_S)
        self.start(worker)

    def roll(self, kind: str, python: str | None = None) -> None:
        """Stop and start one worker after the other, with another build if one is given."""
        self.python = python or self.python
        for worker in range(WORKERS):
            self.mark(kind, f"worker {worker + 1} stopped to start again")
            try:
                code = self.slots[worker].process.stop(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.mark("trouble", f"worker {worker + 1} does not stop: killed")
                self.slots[worker].process.kill()
            else:
                if code:
                    self.mark("trouble", f"worker {worker + 1} stopped with exit code {code}")
            self.start(worker)
            time.sleep(_BETWEEN_S)

    def start(self, worker: int) -> None:
        """Start a worker again, and wait until it is ready."""
        self.slots[worker] = self._new(worker)
        self.until_ready(worker)

    def until_ready(self, worker: int) -> None:
        """Wait until a worker is ready; it is noted when it is not."""
        began = time.monotonic()
        process = self.slots[worker].process
        try:
            process.until_ready(_READY_WITHIN_S)
        except AssertionError as error:
            self.mark("trouble", f"worker {worker + 1} is not ready: {str(error)[-600:]}")
        else:
            self.mark("ready", f"worker {worker + 1} ready after {time.monotonic() - began:.1f} s")

    def revive(self) -> None:
        """Start workers that ended by themselves, as an orchestrator does."""
        for lived in list(self.slots):
            code = lived.process.process.poll()
            if code is not None:
                told = lived.process.log[-600:]
                self.mark("trouble", f"worker {lived.worker + 1} ended, exit code {code}: {told}")
                time.sleep(_AGAIN_AFTER_S)
                self.start(lived.worker)

    def stop_all(self) -> None:
        """Stop all workers in order."""
        for lived in self.slots:
            if lived.process.process.poll() is None:
                lived.process.process.send_signal(signal.SIGTERM)
        for lived in self.slots:
            try:
                lived.process.process.wait(_STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                self.mark("trouble", f"worker {lived.worker + 1} does not stop: killed")
                lived.process.kill()

    def _new(self, worker: int) -> Lived:
        self.lived += 1
        environment = self.environment | {
            "DISTILLWATCH_HTTP_PORT": str(FIRST_PORT + 50 + worker),
        }
        log = self.folder / f"worker-{worker + 1}-{self.lived:03d}.log"
        command = (self.python, "-m", "stream.cli.main", "worker")
        process = start(
            environment,
            log,
            *command,
            cwd=self.folder,
            preexec_fn=die_with_parent,
            start_new_session=True,
        )
        return Lived(self.lived, worker, process)

    # -- brokers --------------------------------------------------------------------------------

    def roll_brokers(self) -> None:
        """Restart one broker after the other, each when all copies are in sync."""
        for number in range(BROKERS):
            self.restart_broker(number, signal.SIGTERM)

    def restart_broker(self, number: int, how: int) -> None:
        """Stop a broker in order or kill it, start it again, and wait until all is in sync."""
        broker = self.kafka.brokers[number]
        crash = how == signal.SIGKILL
        kind, verb = ("crash_broker", "killed (SIGKILL)") if crash else ("roll_brokers", "stopped")
        self.mark(kind, f"broker {number + 1} {verb}")
        broker.end(how)
        time.sleep(_BROKER_AWAY_S)
        began = time.monotonic()
        self._until_broker_answers(broker)
        try:
            until(self.in_sync, what="brokers in sync", within_s=_IN_SYNC_WITHIN_S, every_s=2.0)
        except AssertionError as error:
            self.mark("trouble", str(error))
        else:
            after = time.monotonic() - began
            self.mark("ready", f"broker {number + 1} in sync after {after:.1f} s")

    def _until_broker_answers(self, broker: Node) -> None:
        for _ in range(_STARTS):
            self.kafka.start(broker)
            try:
                self.kafka.await_answer(broker)
            except (ApacheKafkaError, AssertionError) as error:
                self.mark("trouble", f"broker {broker.number} does not start: {str(error)[-300:]}")
                broker.end(signal.SIGKILL)
            else:
                return

    def in_sync(self) -> bool:
        """Return whether every copy of every partition is in sync."""
        try:
            with connect(self.settings.kafka) as admin:
                topics: Sequence[dict] = admin.describe_topics()
        except Exception:  # noqa: BLE001 - whatever a client raises while brokers start
            return False
        return all(
            len(partition["isr_nodes"]) == len(partition["replica_nodes"])
            for topic in topics
            for partition in topic["partitions"]
        )


def _paced(config: Mapping[str, str], pace: float) -> dict[str, str]:
    found = dict(config)
    kept = int(found.get("retention.ms", "-1"))
    if kept > 0:
        found["retention.ms"] = str(int(kept / pace))
    return found


def ports(count: int) -> list[int]:
    """Return the ports of the brokers of a soak."""
    return list(range(FIRST_PORT, FIRST_PORT + count))
