"""Brokers that restart, fail over and stall while workers are at work."""

import signal
import time
from collections.abc import Callable, Iterator

import pytest

from testlib.brokers.apache_kafka import ApacheKafka
from testlib.chaos import ChaosRound
from testlib.workers.product import Outcome, Product

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def three() -> Iterator[ApacheKafka]:
    with ApacheKafka(nodes=3) as kafka:
        yield kafka


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stop", "crash"])
def test_a_broker_restarts(
    how: int,
    product_on: Callable[..., Product],
    lines: list[bytes],
    calm: Outcome,
    chaos: ChaosRound,
) -> None:
    with ApacheKafka() as kafka:
        product = product_on(kafka.bootstrap)
        with product.traffic(lines, seconds=chaos.seconds(25)):
            product.start_ready()
            time.sleep(chaos.seconds(5))
            kafka.brokers[0].end(how)
            time.sleep(chaos.seconds(3))
            kafka.start(kafka.brokers[0])
            kafka.await_answer(kafka.brokers[0])
            keep_running(product)
        found = product.finish()
    assert found.differences(calm) == []


def test_leaders_fail_over(
    three: ApacheKafka,
    product_on: Callable[..., Product],
    lines: list[bytes],
    calm: Outcome,
    chaos: ChaosRound,
) -> None:
    """Each broker in turn dies and comes back; every partition has three copies."""
    product = product_on(three.bootstrap, copies=3)
    with product.traffic(lines, seconds=chaos.seconds(60)):
        product.start_ready()
        product.start_ready()
        for broker in three.brokers:
            time.sleep(chaos.seconds(3))
            broker.end(signal.SIGKILL)
            time.sleep(chaos.seconds(8))
            three.start(broker)
            three.await_answer(broker)
            keep_running(product)
    keep_running(product)
    assert product.finish().differences(calm) == []


def test_a_broker_that_stalls_fills_the_outgoing_queue(
    three: ApacheKafka, product_on: Callable[..., Product], lines: list[bytes], calm: Outcome
) -> None:
    """Everything comes at once, and a third of what has to be written cannot be."""
    product = product_on(three.bootstrap, copies=3)
    with product.traffic(lines, seconds=0):
        worker = product.start_ready()
        for broker in three.brokers:
            broker.send(signal.SIGSTOP)
            time.sleep(6)
            broker.send(signal.SIGCONT)
            time.sleep(1)
            keep_running(product)
        peak = resident_bytes(worker.process.pid)
    assert product.finish().differences(calm) == []
    assert peak < 600 * 2**20


def keep_running(product: Product) -> None:
    """Start a worker when none runs, as an orchestrator does: one may give up on its brokers."""
    if not product.running:
        product.start_ready()


def resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:  # noqa: PTH123
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
