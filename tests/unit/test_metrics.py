from __future__ import annotations

from itertools import product

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from stream.telemetry.metrics import (
    OPEN,
    OPEN_LIMIT,
    Metrics,
    Share,
    UndeclaredLabelError,
    register_process,
    table,
)

CONTRACT = {
    "events_total": ["format", "result"],
    "event_delay_seconds": [],
    "consumer_lag_records": ["topic", "partition"],
    "consumer_lag_seconds": ["topic"],
    "stage_seconds": ["stage"],
    "accounts_tracked": [],
    "accounts_warming_up": [],
    "score": ["kind"],
    "alerts_total": ["kind", "severity"],
    "incidents_open": ["kind", "severity"],
    "detection_delay_seconds": ["kind"],
    "observed_tokens_total": ["verdict", "direction"],
    "sink_deliveries_total": ["sink", "result"],
    "sink_queue_length": ["sink"],
    "dead_letters_total": ["reason"],
    "state_flush_seconds": [],
    "state_bytes": [],
    "model_info": ["version"],
}
TYPES = {"counter": Counter, "gauge": Gauge, "histogram": Histogram, "info": Info}


def test_the_contract_is_declared() -> None:
    declared = {metric.attribute: list(metric.declared.labels) for metric in table()}
    assert {name: declared.get(name) for name in CONTRACT} == CONTRACT


@pytest.mark.parametrize("metric", table(), ids=lambda metric: metric.attribute)
def test_every_metric_keeps_the_conventions(metric) -> None:
    assert metric.declared.meaning
    assert metric.declared.remedy
    assert metric.declared.unit
    assert metric.attribute.endswith("_total") == (metric.type == "counter")
    assert metric.attribute.endswith("_info") == (metric.type == "info")
    assert metric.declared.unit != "seconds" or metric.attribute.endswith("_seconds")
    assert "account_id" not in metric.declared.labels
    assert isinstance(getattr(Metrics(), metric.attribute), TYPES[metric.type])
    assert list(metric.declared.buckets) == sorted(set(metric.declared.buckets))


def test_what_is_scraped_carries_the_declared_names() -> None:
    metrics = Metrics()
    for metric in table():
        made = getattr(metrics, metric.attribute)
        if metric.type == "info":
            made.info(dict.fromkeys(metric.declared.labels, "1"))
        elif metric.declared.labels:
            made.labels(
                *(values[0] if values else "x" for values in metric.declared.labels.values())
            )
    scraped = {
        sample.name
        for family in text_string_to_metric_families(generate_latest(metrics.registry).decode())
        for sample in family.samples
    }
    for metric in table():
        suffix = "_bucket" if metric.type == "histogram" else ""
        assert metric.name + suffix in scraped


def test_whoever_scrapes_reads_what_to_do() -> None:
    metrics = Metrics()
    text = generate_latest(metrics.registry).decode()
    told = {family.name: family.documentation for family in text_string_to_metric_families(text)}
    for metric in table():
        name = metric.name.removesuffix("_total") if metric.type == "counter" else metric.name
        assert metric.declared.remedy in told[name]


def test_what_has_not_happened_is_shown_as_zero() -> None:
    registry = Metrics().registry
    for metric in table():
        name = metric.name + ("_count" if metric.type == "histogram" else "")
        if metric.declared.labels and OPEN not in metric.declared.labels.values():
            for values in product(*metric.declared.labels.values()):
                labels = dict(zip(metric.declared.labels, values, strict=True))
                assert registry.get_sample_value(name, labels) == 0, (name, labels)


def test_an_undeclared_label_value_raises() -> None:
    metrics = Metrics()
    with pytest.raises(UndeclaredLabelError, match="kind='acc-17' is not declared"):
        metrics.score.labels(kind="acc-17")
    with pytest.raises(UndeclaredLabelError):
        metrics.score.labels("acc-17")


def test_a_worker_counts_an_undeclared_label_value_as_other() -> None:
    metrics = Metrics(strict=False)
    metrics.dead_letters_total.labels(reason="new").inc()
    metrics.dead_letters_total.labels(reason="newer").inc()
    sample = metrics.registry.get_sample_value
    assert sample("distillwatch_dead_letters_total", {"reason": "other"}) == 2


def test_open_labels_stay_bounded() -> None:
    metrics = Metrics()
    for partition in range(OPEN_LIMIT + 5):
        metrics.consumer_lag_records.labels("t", partition).set(partition)
    series = next(iter(metrics.consumer_lag_records.collect())).samples
    assert len(series) == OPEN_LIMIT + 1
    assert {"topic": "t", "partition": "other"} in [sample.labels for sample in series]


def test_shares_of_one_gauge_add_up_and_can_be_given_back() -> None:
    metrics = Metrics()
    first, second = Share(metrics.accounts_tracked), Share(metrics.accounts_tracked)
    first.set(10)
    second.set(5)
    first.set(7)
    assert metrics.registry.get_sample_value("distillwatch_accounts_tracked") == 12
    first.set(0)
    assert metrics.registry.get_sample_value("distillwatch_accounts_tracked") == 5


def test_two_instances_share_nothing() -> None:
    registry = CollectorRegistry()
    one, other = Metrics(registry), Metrics()
    one.accounts_tracked.set(3)
    assert one.registry is registry
    assert other.registry.get_sample_value("distillwatch_accounts_tracked") == 0


def test_process_figures_join_the_registry() -> None:
    metrics = Metrics()
    register_process(metrics.registry)
    assert b"python_info" in generate_latest(metrics.registry)
