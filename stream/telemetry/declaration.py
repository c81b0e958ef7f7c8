"""How a metric is declared: type, labels with their values, unit, meaning and remedy.

A room declares its metrics as attributes of a :class:`stream.telemetry.metric_set.MetricSet`::

    class WorkerMetrics(PipelineMetrics):
        commits_total = counter(
            meaning="Offset commits, by result",
            remedy="failed: a rebalance or an unreachable broker; the records are processed again",
            unit="commits",
            labels={"result": ("done", "failed")},
        )

Account ids are never label values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, cast

from prometheus_client import Counter, Gauge, Histogram, Info

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "distillwatch"
#: Where an undeclared or superfluous label value is counted, so that nothing is lost.
OVERFLOW: Final = "other"
#: Values kept of a label without a closed set (partitions, topics, versions). Assumed: twice the
#: partitions of a large topic (512).
OPEN_LIMIT: Final = 1024
#: A label whose values come from configuration (topic, partition, sink) or from a release.
OPEN: Final[tuple[str, ...]] = ()

MetricType = Literal["counter", "gauge", "histogram", "info"]
#: How the figures of several processes make one (see stream.telemetry.totals).
Combine = Literal["sum", "max", "min"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """The declaration of one metric.

    ``labels`` maps each label to its closed set of values; :data:`OPEN` means that the values
    come from configuration, and at most :data:`OPEN_LIMIT` of them are kept apart. ``combine``
    is for several processes: amounts add up; where each has the same figure, or a time or a share,
    one of them counts.
    """

    type: MetricType
    meaning: str
    remedy: str
    unit: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    buckets: tuple[float, ...] = Histogram.DEFAULT_BUCKETS
    combine: Combine = "sum"


@dataclass(frozen=True, slots=True)
class Metric:
    """A declared metric with its name in code (``attribute``)."""

    attribute: str
    declared: Declared

    @property
    def name(self) -> str:
        """Return the name of the exposition, without the suffixes of a histogram."""
        return f"{PREFIX}_{self.attribute}"

    @property
    def type(self) -> MetricType:
        """Return the type as Prometheus names it."""
        return self.declared.type

    @property
    def help(self) -> str:
        """Return what scrapers and the metrics explorer of Grafana show: meaning and remedy."""
        return f"{self.declared.meaning}. {self.declared.remedy}."


# As `dataclasses.field` does, these return the declaration and are typed as what an instance has.


def counter(
    *,
    meaning: str,
    remedy: str,
    unit: str,
    labels: Mapping[str, tuple[str, ...]] | None = None,
    combine: Combine = "sum",
) -> Counter:
    """Declare a number that only grows, and how those of several processes make one."""
    return cast("Counter", _declare("counter", meaning, remedy, unit, labels, combine))


def gauge(
    *,
    meaning: str,
    remedy: str,
    unit: str,
    labels: Mapping[str, tuple[str, ...]] | None = None,
    combine: Combine = "sum",
) -> Gauge:
    """Declare a number that goes up and down, and how those of several processes make one."""
    return cast("Gauge", _declare("gauge", meaning, remedy, unit, labels, combine))


def info(
    *, meaning: str, remedy: str, unit: str, labels: Mapping[str, tuple[str, ...]] | None = None
) -> Info:
    """Declare a constant 1 whose labels carry versions."""
    return cast("Info", _declare("info", meaning, remedy, unit, labels))


def histogram(
    *,
    meaning: str,
    remedy: str,
    unit: str,
    labels: Mapping[str, tuple[str, ...]] | None = None,
    buckets: tuple[float, ...] = Histogram.DEFAULT_BUCKETS,
) -> Histogram:
    """Declare a distribution with the upper bounds of its ``buckets``."""
    return cast(
        "Histogram",
        Declared(
            type="histogram",
            meaning=meaning,
            remedy=remedy,
            unit=unit,
            labels=labels or {},
            buckets=buckets,
        ),
    )


def _declare(
    type_: MetricType,
    meaning: str,
    remedy: str,
    unit: str,
    labels: Mapping[str, tuple[str, ...]] | None,
    combine: Combine = "sum",
) -> Declared:
    return Declared(
        type=type_,
        meaning=meaning,
        remedy=remedy,
        unit=unit,
        labels=labels or {},
        combine=combine,
    )
