"""State moves with its partitions: in order when a worker leaves, in time when it dies."""

import asyncio
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from testlib.brokers.apache_kafka import ApacheKafka
from testlib.metrics import samples
from testlib.workers.product import PARTITIONS, Outcome, Product, state_of
from testlib.workers.worker import Worker

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.timeout(600)]

#: What Apache Kafka has when nobody sets it (testlib/brokers/apache_kafka.py is quicker).
DEFAULTS = {"group.initial.rebalance.delay.ms": "3000", "group.min.session.timeout.ms": "6000"}


def test_a_worker_that_leaves_hands_its_state_on(
    product: Product, lines: list[bytes], calm: Outcome
) -> None:
    middle = len(lines) // 2 // PARTITIONS * PARTITIONS
    with product.traffic(lines[:middle], seconds=0):
        first = product.start_ready()
    product.until(product.idle, within_s=120, what="end of the work")
    second = product.start_ready()
    assert first.stop() == 0, product.logs()
    product.until(lambda: owned(second) == owned_in_all(product), within_s=60, what="handover")
    stored = [key for log in state_of(product, "events") for key in log.rows if key[:1] == b"a"]
    assert second.total("distillwatch_accounts_tracked") == len(stored) > 50
    # Going on from there gives what an undisturbed worker has.
    with product.traffic(lines[middle:], seconds=0):
        pass
    assert product.finish().differences(calm) == []


@pytest.fixture(scope="module")
def default_kafka() -> Iterator[ApacheKafka]:
    with ApacheKafka(config=DEFAULTS) as kafka:
        yield kafka


@pytest.mark.long  # every run has the same promise in test_transport.py, with quicker settings
def test_a_dead_worker_is_replaced_within_twenty_seconds(
    product_on: Callable[..., Product], default_kafka: ApacheKafka
) -> None:
    """With the settings that the product comes with."""
    product = product_on(default_kafka.bootstrap)
    for name in ("SESSION_TIMEOUT_S", "HEARTBEAT_INTERVAL_S", "COMMIT_INTERVAL_S"):
        del product.environment[f"DISTILLWATCH_KAFKA_{name}"]
    first, second = product.start(), product.start()
    product.until(lambda: first.ready() and second.ready(), within_s=90, what="two ready workers")
    product.until(lambda: owned(first) and owned(second), within_s=60, what="shared work")
    mine = owned(first)
    first.kill()
    killed = time.monotonic()
    asyncio.run(send_one_to_each(product))
    counted = "distillwatch_events_total"
    product.until(
        lambda: (
            second.ready()
            and owned(second) == owned_in_all(product)
            and second.total(counted, result="accepted") == PARTITIONS
        ),
        within_s=20,
        what=f"a worker that has taken over {mine} partitions and reads them",
    )
    print(f"taken over after {time.monotonic() - killed:.1f} s")


def owned(worker: Worker) -> int:
    """Return how many partitions a worker reads."""
    return len(samples(worker.page("metrics")[1], "distillwatch_consumer_lag_records"))


def owned_in_all(product: Product) -> int:
    of_people = 2  # verdicts and suppressions have a partition each
    return PARTITIONS + 2 * product.settings.topics.partitions + 1 + of_people


async def send_one_to_each(product: Product) -> None:
    event = {"timestamp": time.time(), "account_id": "a", "model": "m"}
    async with AIOKafkaProducer(bootstrap_servers=product.bootstrap) as producer:
        for partition in range(PARTITIONS):
            await producer.send_and_wait(
                product.settings.topics.requests, msgspec.json.encode(event), partition=partition
            )
