"""Marks of tests that run on one broker only: their subject is a command, not how a broker works.

On Apache Kafka: what operators do with a deployment in production, and what the embedded broker can
only prove in part. On the embedded one: the rest, so that machines without Java test it.
"""

import pytest

ON_KAFKA = pytest.mark.parametrize(
    "broker", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True, scope="module"
)
ON_EMBEDDED = pytest.mark.parametrize("broker", ["embedded"], indirect=True, scope="module")
