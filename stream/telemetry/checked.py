"""Prometheus metrics that accept declared label values only."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final, Self

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.metrics import MetricWrapperBase

from stream.telemetry.declaration import OPEN, OPEN_LIMIT, OVERFLOW, Metric

if TYPE_CHECKING:
    from collections.abc import Mapping


class UndeclaredLabelError(ValueError):
    """A metric was given a label value that its declaration does not allow: a bug."""


class _Checked(MetricWrapperBase):
    """Accepts declared label values; the rest raises (strict) or counts as overflow."""

    _declared: Mapping[str, tuple[str, ...]]
    _strict: bool
    _open: dict[str, set[str]]

    def declare(self, labels: Mapping[str, tuple[str, ...]], *, strict: bool) -> None:
        self._declared, self._strict = labels, strict
        self._open = {name: set() for name, values in labels.items() if values == OPEN}

    def labels(self, *values: object, **named: object) -> Self:
        if values:
            return super().labels(
                *(self._admit(n, v) for n, v in zip(self._declared, values, strict=True))
            )
        return super().labels(**{n: self._admit(n, v) for n, v in named.items()})

    def _admit(self, name: str, value: object) -> str:
        text = str(value)
        seen = self._open.get(name)
        if seen is not None:
            if text in seen:
                return text
            if len(seen) < OPEN_LIMIT:
                seen.add(text)
                return text
            return OVERFLOW
        if text in self._declared.get(name, ()):
            return text
        if self._strict:
            raise UndeclaredLabelError(f"{self._name}: {name}={text!r} is not declared")
        return OVERFLOW


class _Counter(_Checked, Counter):
    pass


class _Gauge(_Checked, Gauge):
    pass


class _Histogram(_Checked, Histogram):
    pass


_LABELLED: Final = {"counter": _Counter, "gauge": _Gauge}


def create(metric: Metric, registry: CollectorRegistry, *, strict: bool) -> MetricWrapperBase:
    """Create ``metric`` on ``registry``; ``strict`` raises on undeclared label values."""
    declared = metric.declared
    if metric.type == "info":
        return Info(metric.name.removesuffix("_info"), metric.help, registry=registry)
    labels = tuple(declared.labels)
    made: _Checked
    if metric.type == "histogram":
        made = _Histogram(
            metric.name, metric.help, labels, registry=registry, buckets=declared.buckets
        )
    else:
        made = _LABELLED[metric.type](metric.name, metric.help, labels, registry=registry)
    made.declare(declared.labels, strict=strict)
    _start_at_zero(made, declared.labels)
    return made


def _start_at_zero(made: _Checked, labels: Mapping[str, tuple[str, ...]]) -> None:
    """Show what has not happened as 0: a rate does not see the increment that makes a series."""
    if labels and OPEN not in labels.values():
        for values in product(*labels.values()):
            made.labels(*values)
