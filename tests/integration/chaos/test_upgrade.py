"""Workers of two releases beside each other, as during a rolling upgrade: no wrong state.

The newer release is this revision under the next version numbers (:mod:`testlib.next_version`).
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from testlib import next_version
from testlib.workers.product import PARTITIONS, Outcome, Product

if TYPE_CHECKING:
    from collections.abc import Callable

    from testlib.brokers.apache_kafka import ApacheKafka
    from testlib.workers.worker import Worker

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.timeout(600)]

NEXT = (sys.executable, "-m", "testlib.next_version", "worker")


def refusal(product: Product, worker: Worker) -> str:
    """Return the one line with which a worker ends."""
    assert worker.process.wait(120) == 1, product.logs()
    assert "Traceback" not in worker.log
    lines = [line for line in worker.log.splitlines() if line.startswith("distillwatch: ")]
    assert lines == worker.log.splitlines()[-1:], product.logs()
    return lines[0]


def test_an_old_worker_steps_aside_and_the_new_one_goes_on(
    apache_kafka: ApacheKafka,
    product_on: Callable[..., Product],
    lines: list[bytes],
    calm: Outcome,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    product = product_on(apache_kafka.bootstrap)
    middle = len(lines) // 2 // PARTITIONS * PARTITIONS
    old = product.start_ready()
    with product.traffic(lines[:middle], seconds=0):
        pass
    product.until(product.idle, within_s=120, what="end of the work")
    new = product.start_ready(command=NEXT)
    with product.traffic(lines[middle:], seconds=0):
        assert "newer" in refusal(product, old)
    product.until(product.idle, within_s=120, what="end of the work")
    # An orchestrator starts the old one again and again until it is replaced.
    line = refusal(product, product.start())
    assert "newer" in line
    assert "Run that version" in line
    product.until(product.idle, within_s=120, what="end of the work")
    assert new.process.poll() is None, product.logs()
    assert new.total("distillwatch_state_relearned_total") == 0
    next_version.make_next(monkeypatch.setitem, monkeypatch.setattr)  # to read what it has left
    assert product.finish().differences(calm) == []
