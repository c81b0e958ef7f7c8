"""The metrics of several processes as those of one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from stream.metrics import Metrics, table
from stream.telemetry.process import COMBINE, register_process
from stream.telemetry.shared import SharedMetrics
from stream.telemetry.snapshot import decode, encode, take
from stream.telemetry.totals import Totals, combine_of

COMBINED = {**combine_of(table()), **COMBINE}


class Worker:
    """Processes that come and go, and what their supervisor shows."""

    def __init__(self, count: int, metrics: type[SharedMetrics] = Metrics) -> None:
        self.make: Any = metrics
        self.running: list[Any] = [self.make() for _ in range(count)]
        self.totals = Totals(
            COMBINED, lambda: {n: take(one.registry) for n, one in enumerate(self.running)}
        )
        self.registry = CollectorRegistry()
        self.registry.register(self.totals)

    def replace(self, number: int) -> None:
        self.totals.keep(number, take(self.running[number].registry))
        self.running[number] = self.make()

    def value(self, name: str, **labels: str) -> Any:
        return self.registry.get_sample_value(f"distillwatch_{name}", labels)


def test_one_process_is_shown_as_it_is() -> None:
    worker = Worker(1)
    (one,) = worker.running
    register_process(one.registry)
    one.events_total.labels("canonical", "accepted").inc(7)
    one.model_info.info({"version": "7"})
    one.score.labels("account").observe(0.97)

    def of(page: str) -> list[str]:  # figures of the interpreter change while they are read
        return [line for line in page.splitlines() if "distillwatch_" in line]

    for write in (generate_latest, generate_openmetrics):
        assert of(write(worker.registry).decode()) == of(write(one.registry).decode())


def test_a_snapshot_survives_its_way() -> None:
    metrics = Metrics()
    metrics.state_flush_seconds.observe(0.3)
    taken = take(metrics.registry)
    assert decode(encode(taken)) == taken


def test_counters_and_histograms_add_up_and_outlive_their_process() -> None:
    worker = Worker(2)
    for number, metrics in enumerate(worker.running, 1):
        metrics.accounts_evicted_total.inc(number)
        metrics.state_flush_seconds.observe(0.02 * number)
    assert worker.value("accounts_evicted_total") == 3
    worker.replace(1)
    assert worker.value("accounts_evicted_total") == 3
    worker.running[1].accounts_evicted_total.inc(5)
    worker.replace(1)
    assert worker.value("accounts_evicted_total") == 8
    assert worker.value("state_flush_seconds_count") == 2
    assert worker.value("state_flush_seconds_bucket", le="0.05") == 2
    assert worker.value("state_flush_seconds_sum") == pytest.approx(0.06)


def test_what_every_process_counts_counts_once() -> None:
    worker = Worker(2)
    for _ in range(3):
        for metrics in worker.running:
            metrics.rebalances_total.inc()
        assert worker.value("rebalances_total") > 0
        worker.replace(0)
    assert worker.value("rebalances_total") == 3
    worker.running[1].rebalances_total.inc()
    assert worker.value("rebalances_total") == 4


def test_gauges_are_of_the_processes_that_run() -> None:
    worker = Worker(2)
    one, two = worker.running
    one.accounts_tracked.set(10)
    two.accounts_tracked.set(5)
    for metrics, behind_s in ((one, 3.0), (two, 8.0)):
        metrics.consumer_lag_seconds.labels("t").set(behind_s)
    one.consumer_lag_records.labels("t", 0).set(4)
    two.consumer_lag_records.labels("t", 1).set(6)
    assert worker.value("accounts_tracked") == 15
    assert worker.value("consumer_lag_seconds", topic="t") == 8
    assert worker.value("consumer_lag_records", topic="t", partition="0") == 4
    assert worker.value("consumer_lag_records", topic="t", partition="1") == 6
    worker.replace(1)
    assert worker.value("accounts_tracked") == 10
    assert worker.value("consumer_lag_records", topic="t", partition="1") is None


def test_figures_of_processes_are_of_all_but_for_the_start() -> None:
    worker = Worker(2)
    for metrics in worker.running:
        register_process(metrics.registry)
    value: Any = worker.registry.get_sample_value
    (one, _) = worker.running
    alone: Any = one.registry.get_sample_value
    assert value("process_start_time_seconds") == alone("process_start_time_seconds")
    assert value("process_resident_memory_bytes") > 1.5 * alone("process_resident_memory_bytes")
    worker.registry.collect()
    assert {
        s.value for f in worker.registry.collect() if f.name == "python_info" for s in f.samples
    } == {1}


@settings(max_examples=15)  # each reads every metric several times
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.booleans()), max_size=12))
def test_no_counter_ever_falls(steps: list[tuple[int, int, bool]]) -> None:
    worker, counted, since = Worker(3, SharedMetrics), 0.0, []
    for number, more, ends in steps:
        worker.running[number].limit_hits_total.labels("links").inc(more)
        worker.running[number].stage_seconds.labels("intake").observe(more)
        if ends:
            worker.replace(number)
        counted += more
        assert worker.value("limit_hits_total", limit="links") == counted
        assert worker.value("stage_seconds_sum", stage="intake") == counted
        since.append(worker.value("limit_hits_created", limit="links"))
    # A later moment would mean that the counter began again.
    assert len(set(since)) <= 1
