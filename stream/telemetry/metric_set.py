"""A set of declared metrics on one registry; rooms declare theirs as subclasses."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from stream.telemetry.checked import create
from stream.telemetry.declaration import Declared, Metric


class MetricSet:
    """The metrics that the class and its bases declare, created on one registry."""

    def __init__(self, registry: CollectorRegistry | None = None, *, strict: bool = True) -> None:
        """Create every metric on ``registry`` (a new one when None).

        ``strict`` raises on undeclared label values; otherwise they count as "other".
        """
        self.registry = registry if registry is not None else CollectorRegistry()
        for metric in table_of(type(self)):
            setattr(self, metric.attribute, create(metric, self.registry, strict=strict))


def table_of(metrics: type[MetricSet]) -> tuple[Metric, ...]:
    """Return what ``metrics`` and its bases declare, bases first, in the order of declaration."""
    found: dict[str, Declared] = {}
    for cls in reversed(metrics.__mro__):
        found.update(declared_by(cls))
    return tuple(Metric(attribute, declared) for attribute, declared in found.items())


def declared_by(cls: type) -> dict[str, Declared]:
    """Return the declarations in the body of ``cls``, without those of its bases."""
    return {name: value for name, value in vars(cls).items() if isinstance(value, Declared)}
