"""The brokers that the integration tests run on: the embedded one, and Apache Kafka.

A test that takes ``bootstrap`` (or ``a_cluster``) runs on both, unless it has a mark of
``testlib/brokers/one_broker.py``. What the embedded broker cannot do is listed in :data:`LACKS`; a
test that needs it says so with ``@pytest.mark.needs``, and ``test_embedded_broker.py`` holds that
each of these really is missing.
"""

import uuid
from collections.abc import Iterator

import pytest

from stream.tools.embedded.broker import EmbeddedBroker
from testlib.brokers.apache_kafka import ApacheKafka
from testlib.workers.cluster import Cluster, cluster

LACKS = {
    "transactions": "the embedded broker has no transactions, so nothing fences a stalled worker",
    "ends": "the embedded broker tells the end of a partition wrongly",
    "ranges": "the embedded broker does not say that an offset is out of range",
    "growth": "the embedded broker cannot add partitions to a topic",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        needed = [name for mark in item.iter_markers("needs") for name in mark.args]
        embedded = "[embedded" in item.name or "-embedded" in item.name
        for name in needed if embedded else ():
            item.add_marker(pytest.mark.skip(reason=LACKS[name]))


@pytest.fixture(scope="session")
def apache_kafka() -> Iterator[ApacheKafka]:
    """One broker for all tests of a run: each has topics of its own."""
    with ApacheKafka() as kafka:
        yield kafka


@pytest.fixture(scope="module", params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> str:
    """Which broker: ``embedded`` or ``kafka``."""
    kind: str = request.param
    return kind


@pytest.fixture(scope="module")
def bootstrap(broker: str, request: pytest.FixtureRequest) -> Iterator[str]:
    if broker == "kafka":
        yield request.getfixturevalue("apache_kafka").bootstrap
        return
    with EmbeddedBroker() as embedded:
        yield embedded.bootstrap


@pytest.fixture
def a_cluster(bootstrap: str, broker: str) -> Iterator[Cluster]:
    with cluster(bootstrap, f"t{uuid.uuid4().hex[:8]}", transactions=broker == "kafka") as made:
        yield made
