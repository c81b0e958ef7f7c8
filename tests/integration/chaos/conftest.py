"""Traffic for the chaos tests, and what an undisturbed worker makes of it."""

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stream.tools.simulate.population import Crowd, PlantedCampaigns
from stream.tools.simulate.scenario import Scenario
from testlib.brokers.apache_kafka import ApacheKafka
from testlib.chaos import ROUNDS, ChaosRound
from testlib.once import once
from testlib.workers.product import LAST, PARTITIONS, Outcome, Product, undisturbed

SCENARIO = Scenario(
    id="chaos",
    crowd=Crowd(
        people=150,
        tool_users=60,
        staff=40,
        services=12,
        batches=2,
        evaluations=2,
        pipelines=2,
        migrations=2,
        tutoring=2,
    ),
    planted=PlantedCampaigns(pool=30, hydra=60, after_s=3 * 3600.0),
    span_s=7 * 3600.0,
)
GARBAGE = (b"not json", b"", b'{"timestamp":1772410000,"account_id":"a"}', b"\xff\xfe", b"[[[[")


@pytest.fixture(scope="session")
def chaos(request: pytest.FixtureRequest) -> ChaosRound:
    """The round that ``--chaos`` chooses."""
    return ROUNDS[request.config.getoption("--chaos")]


@pytest.fixture(scope="session")
def lines() -> list[bytes]:
    """Events in time order with some garbage, and a last event per partition that ends the day."""
    found = list(SCENARIO.lines())
    last = msgspec.json.decode(found[-1])["timestamp"]
    for number in range(200):
        found.insert(40 * number + 9, GARBAGE[number % len(GARBAGE)])
    while len(found) % PARTITIONS:
        found.append(GARBAGE[0])
    return found + [
        msgspec.json.encode({"timestamp": last + 7200, "account_id": f"{LAST}{i}", "model": "m"})
        for i in range(PARTITIONS)
    ]


@pytest.fixture
def product_on(tmp_path: Path) -> Iterator[Callable[..., Product]]:
    """Return a function that makes a product with topics of its own on some brokers."""
    made: list[Product] = []

    def make(bootstrap: str, **options: Any) -> Product:
        run_id = f"c{uuid.uuid4().hex[:8]}"
        folder = tmp_path / run_id
        folder.mkdir()
        product = Product(bootstrap, run_id, folder, **options)
        made.append(product)
        product.create_topics()
        return product

    yield make
    for product in made:
        product.close()


@pytest.fixture
def product(apache_kafka: ApacheKafka, product_on: Callable[..., Product]) -> Product:
    return product_on(apache_kafka.bootstrap)


@pytest.fixture(scope="session")
def calm(apache_kafka: ApacheKafka, lines: list[bytes], tmp_path_factory) -> Outcome:
    """What one worker leaves behind that nobody disturbs."""

    def made() -> Outcome:
        return undisturbed(apache_kafka.bootstrap, lines, tmp_path_factory.mktemp("calm"))

    return once(tmp_path_factory, "calm", made)
