"""Real gateways and clients, from an environment of their own, that post to the product's bridge.

`make test-gateways` makes that environment (`.ci/gateway-tools`); it shares nothing with ours.
"""

import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer

from stream.codec.decoder import Decoder
from stream.embedded.broker import EmbeddedBroker
from stream.metrics import Metrics
from stream.settings import Settings
from stream.types.records import Record

sys.path.insert(0, str(Path(__file__).parents[1] / "integration"))
from command import DISTILLWATCH, Worker, free_port, run, settings, worker

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
TOOLS = Path(os.environ.get("GATEWAY_TOOLS", ROOT / ".gateways")) / "bin"


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    def find(name: str) -> str:
        if not (TOOLS / name).exists():
            (pytest.fail if os.environ.get("CI") else pytest.skip)(
                f"{TOOLS / name} is not installed: make test-gateways"
            )
        return str(TOOLS / name)

    return find


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


def until(holds: Callable[[], bool], *, within_s: float, what: str) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"no {what} in {within_s:g} s"
        time.sleep(0.2)


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
        try:
            found = await consumer.getmany(timeout_ms=5000)
        finally:
            await consumer.stop()
        records = [
            Record(record.offset, None, record.value)
            for of_partition in found.values()
            for record in of_partition
        ]
        decoder = Decoder(type(Settings().intake)(**intake), Metrics())
        decoded = decoder.decode(records, now_s=time.time())
        assert not decoded.rejects
        return decoded.events


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    with EmbeddedBroker() as broker:
        yield Product(settings(broker.bootstrap, kafka_transactions="false"), tmp_path)


@pytest.fixture
def litellm(tool: Callable[[str], str], product: Product, tmp_path: Path) -> Iterator[str]:
    """LiteLLM's proxy with answers of its own, which logs to the bridge; return its address."""
    program, port = tool("litellm"), free_port()
    for name in ("keys.py", "litellm.yaml"):
        (tmp_path / name).write_bytes((PROGRAMS / name).read_bytes())
    url = f"http://127.0.0.1:{port}"
    with (
        product.bridging(),
        process(
            tmp_path / "litellm.log",
            *(program, "--config", "litellm.yaml", "--host", "127.0.0.1", "--port", str(port)),
            LITELLM_MASTER_KEY=f"sk-{secrets.token_hex(20)}",
            LITELLM_SALT_KEY=secrets.token_hex(20),
            LITELLM_LOCAL_MODEL_COST_MAP="True",
            GENERIC_LOGGER_ENDPOINT=product.url,
            GENERIC_LOGGER_HEADERS=f"Authorization=Bearer {product.token}",
        ),
    ):
        until(lambda: answers(f"{url}/health/liveliness"), within_s=120, what="LiteLLM")
        yield url
