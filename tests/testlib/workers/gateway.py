"""The product's bridge and the programs that post to it, as processes."""

import os
import secrets
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer

from stream.core.records import Record
from stream.intake.codec.decoder import Decoder
from stream.metrics import Metrics
from stream.settings import Settings
from testlib.paths import ROOT, TESTS
from testlib.ports import free_port
from testlib.until import until
from testlib.workers.command import DISTILLWATCH, run
from testlib.workers.worker import Worker, worker

PROGRAMS = TESTS / "gateways" / "programs"
TOOLS = Path(os.environ.get("GATEWAY_TOOLS", ROOT / ".gateways")) / "bin"


@contextmanager
def process(log: Path, *command: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        started = subprocess.Popen(
            command, env=os.environ | environment, stdout=out, stderr=out, cwd=log.parent
        )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - on loopback
            return bool(answer.status == 200)
    except OSError:
        return False


@dataclass
class Product:
    """A bridge on an embedded broker, and what its topic has by now."""

    environment: dict[str, str]
    folder: Path
    token: str = field(default_factory=lambda: secrets.token_hex(16))
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def bridging(self) -> Iterator[None]:
        assert run(self.environment, "topics", "create").returncode == 0
        page = free_port()
        own = {
            "DISTILLWATCH_BRIDGE_PORT": str(self.port),
            "DISTILLWATCH_BRIDGE_TOKENS": self.token,
            "DISTILLWATCH_HTTP_PORT": str(page),
        }
        log = self.folder / "bridge.log"
        with process(log, *DISTILLWATCH, "bridge", **(self.environment | own)):
            until(lambda: answers(f"http://127.0.0.1:{page}/readyz"), within_s=30, what="bridge")
            yield

    @contextmanager
    def working(self) -> Iterator[Worker]:
        with worker(self.environment, self.folder) as started:
            yield started

    async def events(self, **intake: Any) -> list[Any]:
        """Return the events of everything on the requests topic; nothing else may be there."""
        consumer = AIOKafkaConsumer(
            self.environment["DISTILLWATCH_TOPICS_REQUESTS"],
            bootstrap_servers=self.environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"],
            auto_offset_reset="earliest",
        )
        await consumer.start()
        records: list[Record] = []
        try:
            while found := await consumer.getmany(timeout_ms=1000 if records else 5000):
                records += [
                    Record(record.offset, None, record.value or b"")
                    for of_partition in found.values()
                    for record in of_partition
                ]
        finally:
            await consumer.stop()
        decoder = Decoder(type(Settings().intake)(**intake), Metrics())
        decoded = decoder.decode(records, now_s=time.time())
        assert not decoded.rejects
        return decoded.events
