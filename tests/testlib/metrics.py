"""Values of metrics: of a page as Prometheus scrapes it, and of a registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from stream.telemetry.metric_set import MetricSet


def samples(page: str, name: str, **labels: str) -> list[Sample]:
    """Return the samples of a metric with these labels."""
    return [
        sample
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def total(page: str, name: str, **labels: str) -> float:
    """Return the sum of the samples of a metric with these labels."""
    return sum(sample.value for sample in samples(page, name, **labels))


def value(metrics: MetricSet, name: str, **labels: str) -> float:
    """Return the sample with exactly these labels; 0 when there is none."""
    return metrics.registry.get_sample_value(f"distillwatch_{name}", labels) or 0.0
