"""The broker that the integration tests run on: embedded, and Apache Kafka where there is one."""

import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream.embedded.broker import EmbeddedBroker

sys.path.insert(0, str(Path(__file__).parent))
from cluster import Cluster, cluster  # the folder is no package

#: host:port of an Apache Kafka that the tests may make topics on.
KAFKA = "DISTILLWATCH_TEST_KAFKA"


@pytest.fixture(scope="module", params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def bootstrap(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "kafka":
        if KAFKA not in os.environ:
            pytest.skip(f"{KAFKA} does not name an Apache Kafka")
        yield os.environ[KAFKA]
        return
    with EmbeddedBroker() as broker:
        yield broker.bootstrap


@pytest.fixture
def a_cluster(bootstrap: str, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    embedded = "embedded" in request.node.name
    with cluster(bootstrap, f"t{uuid.uuid4().hex[:8]}", transactions=not embedded) as made:
        yield made
