"""A worker that starts and cannot read a part of its state, on a real Prometheus."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from stream.tools.embedded.broker import EmbeddedBroker
from testlib.deployment.prometheus import Prometheus, prometheus_command
from testlib.ports import free_port
from testlib.traffic.many_accounts import events, produce
from testlib.until import until
from testlib.workers.command import page, run, settings
from testlib.workers.worker import running, worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = [pytest.mark.deploy, pytest.mark.integration]

RELEARNED = "distillwatch_state_relearned_total"
FIRING = 'ALERTS{alertname="DistillwatchStateRelearned", alertstate="firing"}'


def test_the_alert_fires_although_the_count_is_there_before_the_first_scrape(
    tool: Callable[[str], str], tmp_path: Path
) -> None:
    program, port = tool("prometheus"), free_port()
    with EmbeddedBroker() as broker:
        own = settings(broker.bootstrap, kafka_transactions=False, detection_seed=1)
        assert run(own, "topics", "create").returncode == 0
        with worker(own, tmp_path) as one:
            one.until_ready()
            lines = events(200, 2000, 1, time.time() - 7200)
            asyncio.run(produce(broker.bootstrap, own["DISTILLWATCH_TOPICS_REQUESTS"], 1, lines))
            closed = "distillwatch_windows_closed_total"
            one.until(lambda: one.total(closed, stage="alerting") > 0, what="closed window")
            assert one.total(RELEARNED) == 0
            assert one.stop() == 0
        with worker(own | {"DISTILLWATCH_DETECTION_SEED": "2"}, tmp_path) as one:
            one.until_ready()
            assert one.total(RELEARNED) == one.total(RELEARNED, part="population_model") == 1
            assert "stored population_model" in one.log
            target = int(own["DISTILLWATCH_HTTP_PORT"])
            command = prometheus_command(program, tmp_path, [target], port)
            with running(own, tmp_path / "prometheus.log", *command):
                until(lambda: page(port, "-/ready")[0] == 200, what="Prometheus")
                server = Prometheus(f"http://127.0.0.1:{port}")
                until(lambda: server.value(FIRING) == 1, what="alert")
                own_part = RELEARNED + '{part="population_model"}'
                assert server.value(f"min_over_time({own_part}[1h])") == 1
                assert server.value(f"sum(increase({RELEARNED}[1h]))") == 0, "no increase shows it"
