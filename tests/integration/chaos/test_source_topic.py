"""The source topic grows, is deleted and made again, or loses records: nothing is silently lost."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import msgspec
import pytest
from kafka import KafkaProducer

from stream.kafka.connection import connect
from testlib.brokers.apache_kafka import ApacheKafka
from testlib.workers.product import LAST, PARTITIONS, Outcome, Product, make_again, undisturbed

SILENT_S = 10
IDLE = "DISTILLWATCH_WINDOWS_IDLE_TIMEOUT_S"
pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.timeout(600)]


def grow(product: Product, partitions: int) -> None:
    with connect(product.settings.kafka) as admin:
        admin.create_partitions({product.settings.topics.requests: partitions})


def send(product: Product, events: Iterable[bytes], partitions: int) -> None:
    """Write events as they come, the partitions in turn."""
    producer = KafkaProducer(bootstrap_servers=product.bootstrap)
    for number, event in enumerate(events):
        producer.send(product.settings.topics.requests, event, partition=number % partitions)
    producer.close()


@pytest.fixture(scope="module")
def before(lines: list[bytes]) -> list[bytes]:
    return lines[: len(lines) // 2 // PARTITIONS * PARTITIONS]


@pytest.fixture(scope="module")
def after(lines: list[bytes], before: list[bytes]) -> list[bytes]:
    """The events after a night without any, so that none is late however long a test pauses."""

    def shifted(line: bytes) -> bytes:
        try:
            event = msgspec.json.decode(line)
            return msgspec.json.encode(event | {"timestamp": event["timestamp"] + 8 * 3600})
        except (msgspec.DecodeError, TypeError):
            return line  # garbage stays what it is

    found = [shifted(line) for line in lines[len(before) : -PARTITIONS]]
    # However many partitions there are then, each gets a last event.
    last = msgspec.json.decode(lines[-1])["timestamp"] + 8 * 3600
    return found + [
        msgspec.json.encode({"timestamp": last, "account_id": f"{LAST}{i}", "model": "m"})
        for i in range(2 * PARTITIONS)
    ]


@pytest.fixture(scope="module")
def calm(
    apache_kafka: ApacheKafka, before: list[bytes], after: list[bytes], tmp_path_factory
) -> Outcome:
    """What one worker leaves behind that nobody disturbs."""
    return undisturbed(apache_kafka.bootstrap, [*before, *after], tmp_path_factory.mktemp("calm"))


def assert_all_counted(found: Outcome, calm: Outcome) -> None:
    """Compare everything but the offsets of dead letters, which a new topic numbers anew."""
    assert found.requests == calm.requests
    assert found.state == calm.state
    assert found.alerts == calm.alerts


def test_what_waits_after_a_silence_is_not_late(
    product: Product, before: list[bytes], after: list[bytes], calm: Outcome
) -> None:
    # Half a day comes in a second here, so a second without a record is no silence.
    never, product.environment[IDLE] = product.environment[IDLE], str(SILENT_S)
    with product.traffic(before, seconds=0):
        worker = product.start_ready()
    product.until(product.idle, within_s=120, what="end of the work")
    time.sleep(2 * SILENT_S + 5)  # every partition is said to be silent, more than once
    assert worker.stop() == 0, product.logs()
    product.environment[IDLE] = never
    with product.traffic(after, seconds=0):
        product.start_ready()
    assert product.finish().differences(calm) == []


@pytest.mark.long  # every run has the harder case: under running workers
def test_partitions_are_added_between_two_runs(
    product: Product, before: list[bytes], after: list[bytes], calm: Outcome
) -> None:
    with product.traffic(before, seconds=0):
        product.start_ready()
    product.finish()
    grow(product, PARTITIONS + 3)
    with product.traffic(after, seconds=0, partitions=PARTITIONS + 3):
        product.start_ready()
    assert_all_counted(product.finish(), calm)


def test_partitions_are_added_under_running_workers(
    product: Product, before: list[bytes], after: list[bytes], calm: Outcome
) -> None:
    with product.traffic(before, seconds=0):
        workers = [product.start_ready(), product.start_ready()]
    grow(product, PARTITIONS + 3)
    # The events of an hour come in a second here, so nobody may run ahead of the new partitions.
    product.until(
        lambda: all("has grown" in worker.log for worker in workers),
        within_s=30,
        what="notice of the growth",
    )
    with product.traffic(after, seconds=0, partitions=PARTITIONS + 3):
        pass
    assert_all_counted(product.finish(), calm)
    assert [worker.process.returncode for worker in workers] == [0, 0]


def test_no_event_of_a_new_partition_is_late_at_the_speed_of_life(
    product_on: Callable[..., Product], apache_kafka: ApacheKafka
) -> None:
    live = {"WINDOWS_WINDOW_S": "5", "WINDOWS_IDLE_TIMEOUT_S": "5"}
    product = product_on(apache_kafka.bootstrap, overrides=live)
    product.start_ready()
    sent: Counter[str] = Counter()

    def events(seconds: float, each: int = 60) -> Iterator[bytes]:
        until = time.time() + seconds
        while time.time() < until:
            account = f"account-{sent.total() % 50}"
            sent[account] += 1
            yield msgspec.json.encode(
                {"timestamp": time.time(), "account_id": account, "model": "m"}
            )
            time.sleep(1 / each)

    send(product, events(8), PARTITIONS)
    grow(product, PARTITIONS + 2)
    send(product, events(20), PARTITIONS + 2)
    later = time.time() + 60
    send(
        product,
        (
            msgspec.json.encode({"timestamp": later, "account_id": f"{LAST}{i}", "model": "m"})
            for i in range(PARTITIONS + 2)
        ),
        PARTITIONS + 2,
    )
    found = product.finish().requests
    assert {name: found[name] for name in sent} == dict(sent)


@pytest.mark.parametrize(
    "partitions", [PARTITIONS - 2, pytest.param(PARTITIONS + 1, marks=pytest.mark.long)]
)
def test_a_topic_that_is_made_again_between_two_runs(
    partitions: int, product: Product, before: list[bytes], after: list[bytes], calm: Outcome
) -> None:
    with product.traffic(before, seconds=0):
        product.start_ready()
    product.finish()
    make_again(product, product.settings.topics.requests, partitions)
    with product.traffic(after, seconds=0, partitions=partitions):
        product.start_ready()
    assert_all_counted(product.finish(), calm)


def test_a_topic_that_is_made_again_under_a_running_worker(
    product: Product, before: list[bytes], after: list[bytes], calm: Outcome
) -> None:
    with product.traffic(before, seconds=0):
        worker = product.start_ready()
    product.until(product.idle, within_s=60, what="end of the work")
    make_again(product, product.settings.topics.requests, PARTITIONS)
    with product.traffic(after, seconds=5):
        assert worker.process.wait(60) == 2
    said = worker.log.splitlines()[-1]
    assert "was deleted and made again" in said or "is gone" in said
    product.start_ready()
    assert_all_counted(product.finish(), calm)
