from __future__ import annotations

import ast
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from stream.http.bridge.metrics import BridgeMetrics
from stream.metrics import Metrics, catalogue, table
from stream.telemetry.checked import UndeclaredLabelError
from stream.telemetry.contribution import GaugeContribution
from stream.telemetry.declaration import OPEN, OPEN_LIMIT
from stream.telemetry.metric_set import MetricSet, declared_by, table_of
from stream.telemetry.process import register_process
from stream.telemetry.shared import SharedMetrics

STREAM = Path(__file__).parents[2] / "stream"
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


@pytest.mark.parametrize("metric", catalogue(), ids=lambda metric: metric.attribute)
def test_every_metric_keeps_the_conventions(metric) -> None:
    assert metric.declared.meaning
    assert metric.declared.remedy
    assert metric.declared.unit
    assert metric.attribute.endswith("_total") == (metric.type == "counter")
    assert metric.attribute.endswith("_info") == (metric.type == "info")
    assert metric.declared.unit != "seconds" or metric.attribute.endswith("_seconds")
    assert "account_id" not in metric.declared.labels
    assert list(metric.declared.buckets) == sorted(set(metric.declared.buckets))


@pytest.mark.parametrize("metrics", [Metrics(), BridgeMetrics()], ids=["worker", "bridge"])
def test_what_is_scraped_carries_the_declared_names(metrics: MetricSet) -> None:
    for metric in table_of(type(metrics)):
        made = getattr(metrics, metric.attribute)
        assert isinstance(made, TYPES[metric.type])
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
    for metric in table_of(type(metrics)):
        suffix = "_bucket" if metric.type == "histogram" else ""
        assert metric.name + suffix in scraped


def test_a_scrape_shows_the_remedies() -> None:
    text = generate_latest(Metrics().registry).decode()
    shown = {family.name: family.documentation for family in text_string_to_metric_families(text)}
    for metric in table_of(Metrics):
        name = metric.name.removesuffix("_total") if metric.type == "counter" else metric.name
        assert metric.declared.remedy in shown[name]


@pytest.mark.parametrize(
    "metric", [m for m in table() if m.type == "gauge"], ids=lambda metric: metric.attribute
)
def test_times_and_shares_of_processes_do_not_add_up(metric) -> None:
    amount = metric.declared.unit not in {"seconds", "ratio", "bool", "boolean"}
    assert (metric.declared.combine == "sum") <= amount
    assert metric.declared.combine == "max" or "partition" not in metric.declared.labels


def test_what_has_not_happened_is_shown_as_zero() -> None:
    registry = Metrics().registry
    for metric in table_of(Metrics):
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


def test_contributions_to_one_gauge_add_up_and_can_be_withdrawn() -> None:
    metrics = Metrics()
    first, second = (
        GaugeContribution(metrics.accounts_tracked),
        GaugeContribution(metrics.accounts_tracked),
    )
    first.set(10)
    second.set(5)
    first.set(7)
    assert metrics.registry.get_sample_value("distillwatch_accounts_tracked") == 12
    first.withdraw()
    first.set(3)  # by a thread that has not ended
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


def sets(base: type[MetricSet] = MetricSet) -> set[type[MetricSet]]:
    """Return the sets of metrics that rooms declare."""
    found = {base} if declared_by(base) else set()
    return found.union(*map(sets, base.__subclasses__()))


def test_the_catalogue_has_what_the_rooms_declare() -> None:
    importable = {
        f"stream.{path.relative_to(STREAM).with_suffix('')}".replace("/", ".")
        for path in STREAM.rglob("metrics.py")
    }
    assert {cls.__module__ for cls in sets()} == importable | {SharedMetrics.__module__}
    declared = [name for cls in sets() for name in declared_by(cls)]
    assert sorted(declared) == sorted(metric.attribute for metric in catalogue())


@cache
def read(folder: Path) -> frozenset[str]:
    """Return the attributes that the modules below ``folder`` read."""
    return frozenset(
        node.attr
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    )


#: The rooms that run a stage: they count for the room of the stage, too.
RUNNERS = ("pipeline", "worker", "cli")


@pytest.mark.parametrize("room", sorted(sets(), key=lambda room: room.__module__))
def test_a_room_emits_the_metrics_that_it_declares(room: type[MetricSet]) -> None:
    home = STREAM.parent.joinpath(*room.__module__.split(".")[:-1])
    folders = [STREAM if room is SharedMetrics else home, *(STREAM / name for name in RUNNERS)]
    used = frozenset[str]().union(*map(read, folders))
    assert sorted(set(declared_by(room)) - used) == []
