"""Metrics of a worker for its HTTP endpoints."""

from __future__ import annotations

import pytest

from stream.metrics import Metrics


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()
