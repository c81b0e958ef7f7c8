"""Real gateways and clients, from an environment of their own, that post to the product's bridge.

`make test-gateways` makes that environment (`.ci/gateway-tools`); it shares nothing with ours.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from stream.tools.embedded.broker import EmbeddedBroker
from testlib.ports import free_port
from testlib.until import until
from testlib.workers.command import settings
from testlib.workers.gateway import PROGRAMS, TOOLS, Product, answers, process


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    def find(name: str) -> str:
        if not (TOOLS / name).exists():
            (pytest.fail if os.environ.get("CI") else pytest.skip)(
                f"{TOOLS / name} is not installed: make test-gateways"
            )
        return str(TOOLS / name)

    return find


@pytest.fixture(scope="session")
def debian_tool() -> Callable[[str], str]:
    """Find a program that `.ci/gateway-tools` can get from Debian's packages only."""

    def find(name: str) -> str:
        if not (TOOLS / name).exists():
            pytest.skip(f"{name} cannot be had here: it comes from a package of Debian")
        return str(TOOLS / name)

    return find


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    with EmbeddedBroker() as broker:
        yield Product(settings(broker.bootstrap, kafka_transactions="false"), tmp_path)


@pytest.fixture
def proxying(
    tool: Callable[[str], str], product: Product, tmp_path: Path
) -> Callable[..., AbstractContextManager[str]]:
    """Return what starts LiteLLM's proxy, which logs to the bridge, and gives its address."""

    @contextmanager
    def start(config: str, *files: Path, **environment: str) -> Iterator[str]:
        program, port = tool("litellm"), free_port()
        for path in (PROGRAMS / "keys.py", PROGRAMS / config, *files):
            (tmp_path / path.name).write_bytes(path.read_bytes())
        url = f"http://127.0.0.1:{port}"
        with (
            product.bridging(),
            process(
                tmp_path / "litellm.log",
                *(program, "--config", config, "--host", "127.0.0.1", "--port", str(port)),
                LITELLM_MASTER_KEY=f"sk-{secrets.token_hex(20)}",
                LITELLM_SALT_KEY=secrets.token_hex(20),
                LITELLM_LOCAL_MODEL_COST_MAP="True",
                GENERIC_LOGGER_ENDPOINT=product.url,
                GENERIC_LOGGER_HEADERS=f"Authorization=Bearer {product.token}",
                **environment,
            ),
        ):
            until(lambda: answers(f"{url}/health/liveliness"), within_s=120, what="LiteLLM")
            yield url

    return start


@pytest.fixture
def litellm(proxying: Callable[..., AbstractContextManager[str]]) -> Iterator[str]:
    """LiteLLM's proxy with answers of its own; return its address."""
    with proxying("litellm.yaml") as url:
        yield url
