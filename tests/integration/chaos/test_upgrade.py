"""Workers of two releases beside each other, as during a rolling upgrade: no wrong state.

The newer one is the present revision under the next version numbers (next_version.py).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from testlib.workers import next_version
from testlib.workers.product import Outcome, Product, state_of

if TYPE_CHECKING:
    from testlib.workers.worker import Worker

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.timeout(600)]

NEXT = (sys.executable, str(Path(next_version.__file__)))


def refused(product: Product, worker: Worker) -> str:
    """Return the one line with which a worker ends."""
    assert worker.process.wait(120) == 1, product.logs()
    assert "Traceback" not in worker.log
    said = [line for line in worker.log.splitlines() if line.startswith("distillwatch: ")]
    assert said == worker.log.splitlines()[-1:], product.logs()
    return said[0]


def test_an_old_worker_steps_aside_for_a_new_one_which_goes_on(
    product: Product, lines: list[bytes], calm: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    middle = len(lines) // 2 // 4 * 4
    old = product.start_ready()
    with product.traffic(lines[:middle], seconds=0):
        pass
    product.until(product.idle, within_s=120, what="end of the work")
    new = product.start(NEXT)
    with product.traffic(lines[middle:], seconds=0):
        assert "newer" in refused(product, old)
    product.until(product.idle, within_s=120, what="end of the work")
    # An orchestrator starts the old one again and again until it is replaced.
    before = [log.rows for log in state_of(product, "findings")]
    said = refused(product, product.start())
    assert "which is newer than this distillwatch" in said or "packet version" in said
    assert "Run that version" in said
    product.until(product.idle, within_s=120, what="end of the work")
    assert [log.rows.keys() for log in state_of(product, "findings")] == [
        rows.keys() for rows in before
    ]
    assert new.process.poll() is None, product.logs()
    assert new.total("distillwatch_state_relearned_total") == 0
    next_version.make_next(monkeypatch.setitem, monkeypatch.setattr)  # to read what it has left
    assert product.finish().differences(calm) == []
