"""Apache Kafka in KRaft mode from its Maven artifacts: one broker or several, on free ports.

The jars are resolved once with Maven into a cache outside the repository; every cluster has a
temporary folder of its own. What is not there (Java, Maven, an artifact) is an error, never a skip:
the tests that need it are chosen by their mark.
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from stream.tools.embedded.broker import answers
from testlib.ports import free_ports
from testlib.until import until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

POM = Path(__file__).with_suffix(".xml")
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "distillwatch"
START_TIMEOUT_S = 90.0
#: Small and quick to react: tests wait for time-outs.
COMMON = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "message.max.bytes": "16777216",
    "replica.fetch.max.bytes": "16777216",
    "log.cleaner.backoff.ms": "1000",
}


class ApacheKafkaError(RuntimeError):
    """It cannot be had or does not start here."""


def jars() -> Path:
    """Return the folder with the jars, resolved at the first call on a machine."""
    folder = CACHE / f"apache-kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise ApacheKafkaError(f"{program} is not installed: the tests need Java 17 and Maven")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as fresh:
        command = ["mvn", "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
        command += [f"-DoutputDirectory={fresh}/libs", "-DincludeScope=runtime"]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        if done.returncode:
            raise ApacheKafkaError(f"Maven cannot resolve Apache Kafka: {done.stdout[-2000:]}")
        if not folder.is_dir():  # nobody else was faster
            Path(fresh, "libs").rename(folder)
    return folder


@dataclass
class Node:
    """One broker, which is a controller too."""

    number: int
    folder: Path
    ports: dict[str, int]
    process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.ports['PLAINTEXT']}"

    @property
    def log(self) -> str:
        path = self.folder / "broker.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def send(self, number: int) -> None:
        """Send a signal: SIGSTOP and SIGCONT stall and wake the broker."""
        if self.process is not None:
            self.process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End the broker: SIGTERM in order, SIGKILL as a crash. Its data stays."""
        process, self.process = self.process, None
        if process is None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass
class ApacheKafka:
    """A cluster for the length of a ``with`` block.

    ``listeners`` adds to PLAINTEXT and CONTROLLER: listener name -> security protocol; ``config``
    adds to or replaces :data:`COMMON`; ``scram`` are users of SCRAM-SHA-512 and their passwords;
    ``ports`` returns a number of ports that nothing listens on; ``java`` are options of the
    virtual machine of each broker.
    """

    nodes: int = 1
    listeners: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    scram: Mapping[str, str] = field(default_factory=dict)
    brokers: list[Node] = field(default_factory=list)
    ports: Callable[[int], list[int]] = free_ports
    start_within_s: float = START_TIMEOUT_S
    java: Sequence[str] = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")

    @property
    def bootstrap(self) -> str:
        """Return the addresses of all brokers, without encryption."""
        return ",".join(node.bootstrap for node in self.brokers)

    def address(self, listener: str) -> str:
        """Return the addresses of a listener of all brokers."""
        return ",".join(f"localhost:{node.ports[listener]}" for node in self.brokers)

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="distillwatch-kafka-"))
        try:
            names = ["PLAINTEXT", "CONTROLLER", *self.listeners]
            ports = iter(self.ports(len(names) * self.nodes))
            for number in range(1, self.nodes + 1):
                folder = self._folder / str(number)
                folder.mkdir()
                self.brokers.append(Node(number, folder, {name: next(ports) for name in names}))
            # As Apache Kafka's `random-uuid` prints it; none begins with a dash, like an option.
            uuid = base64.urlsafe_b64encode(bytes(1) + secrets.token_bytes(15)).decode().rstrip("=")
            for node in self.brokers:
                self._format(node, uuid)
            for node in self.brokers:
                self.start(node)
            for node in self.brokers:
                self.await_answer(node)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.brokers:
            node.end(signal.SIGKILL)
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self, node: Node) -> None:
        """Start a broker that is not running, on the data it had."""
        command = ["java", *self.java]
        command += ["-cp", f"{jars()}/*", "kafka.Kafka", str(node.folder / "server.properties")]
        with (node.folder / "broker.log").open("ab") as log:
            node.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - async-signal-safe
            )

    def await_answer(self, node: Node) -> None:
        """Wait until a broker answers to clients."""

        def runs() -> None:
            if node.process is None or node.process.poll() is not None:
                raise ApacheKafkaError(f"broker {node.number} ended: {node.log[-3000:]}")

        until(
            lambda: answers(node.ports["PLAINTEXT"]),
            what=f"answer of broker {node.number}",
            within_s=self.start_within_s,
            check=runs,
            detail=lambda: node.log[-3000:],
        )

    def _format(self, node: Node, uuid: str) -> None:
        path = node.folder / "server.properties"
        path.write_text("".join(f"{key}={value}\n" for key, value in self._properties(node)))
        scram = [
            part
            for name, password in self.scram.items()
            for part in ("--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]")
        ]
        _java("kafka.tools.StorageTool", "format", "-t", uuid, "-c", str(path), *scram)

    def _properties(self, node: Node) -> list[tuple[str, str]]:
        protocols = {"CONTROLLER": "PLAINTEXT", "PLAINTEXT": "PLAINTEXT", **self.listeners}
        where = {name: f"{name}://localhost:{port}" for name, port in node.ports.items()}
        where |= {
            name: f"{name}://127.0.0.1:{node.ports[name]}" for name in ("PLAINTEXT", "CONTROLLER")
        }
        copies = str(min(self.nodes, 3))
        properties = {
            **COMMON,
            "node.id": str(node.number),
            "log.dirs": str(node.folder / "data"),
            "controller.quorum.voters": ",".join(
                f"{other.number}@127.0.0.1:{other.ports['CONTROLLER']}" for other in self.brokers
            ),
            "listeners": ",".join(where.values()),
            "advertised.listeners": ",".join(
                address for name, address in where.items() if name != "CONTROLLER"
            ),
            "listener.security.protocol.map": ",".join(
                f"{name}:{protocol}" for name, protocol in protocols.items()
            ),
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "share.coordinator.state.topic.replication.factor": copies,
            "transaction.state.log.min.isr": "2" if self.nodes > 1 else "1",
            "min.insync.replicas": "2" if self.nodes > 1 else "1",
            "share.coordinator.state.topic.min.isr": "1",
            **self.config,
        }
        return list(properties.items())


def _java(*arguments: str) -> str:
    done = subprocess.run(
        ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{jars()}/*", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    if done.returncode:
        raise ApacheKafkaError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


_prctl = ctypes.CDLL(None).prctl


def _die_with_parent() -> None:
    _prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
