"""Makes one set of metrics of those of several processes; it does no I/O.

What processes that ended had counted is kept, so a sum never falls when a process is replaced by
one that counts from 0. Gauges are those of the processes that run. prometheus-client's own
multiprocess mode does not fit: it needs files, has no metrics of processes (memory, cores), and
gauges of partitions that moved away stay in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from stream.telemetry.snapshot import FamilySnapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from stream.telemetry import declaration
    from stream.telemetry.declaration import Combine

#: A sample's name and its labels.
_Series = tuple[str, tuple[tuple[str, str], ...]]
_GROWING: Final = frozenset({"counter", "histogram"})
_COMBINED: Final[Mapping[Combine, Callable[[float, float], float]]] = {
    "sum": lambda one, other: one + other,
    "max": max,
    "min": min,
}


def combine_of(metrics: Iterable[declaration.Metric]) -> dict[str, Combine]:
    """Return name -> how figures of processes make one, without the suffix of a counter."""
    return {metric.name.removesuffix("_total"): metric.declared.combine for metric in metrics}


class Totals(Collector):
    """The metrics of several processes as those of one; register it with a registry."""

    def __init__(
        self,
        combine: Mapping[str, Combine],
        latest: Callable[[], Mapping[int, list[FamilySnapshot]]],
    ) -> None:
        """``latest`` returns the snapshots of the running processes by their number.

        ``combine`` has the metrics that do not add up (see combine_of).
        """
        self._combine = combine
        self._latest = latest
        self._ended: dict[int, list[FamilySnapshot]] = {}

    def keep(self, number: int, last: list[FamilySnapshot]) -> None:
        """Keep what process ``number``, which has ended, had counted."""
        growing = [family for family in last if family.type in _GROWING]
        self._ended[number] = list(_combined([growing, self._ended.get(number, [])], _over_time))

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics of all processes."""
        latest = self._latest()
        numbers = [*latest, *(self._ended.keys() - latest.keys())]
        # Each process with those that it replaced, then all of them.
        each = [_combined([latest.get(n, []), self._ended.get(n, [])], _over_time) for n in numbers]
        for family in _combined(each, self._over_processes):
            metric = Metric(family.name, family.help, family.type, family.unit)
            metric.samples = [Sample(*row) for row in family.samples]
            yield metric

    def _over_processes(self, family: FamilySnapshot, sample: str) -> Combine:
        if sample.endswith("_created") and family.type in _GROWING:
            return "min"
        return "max" if family.type == "info" else self._combine.get(family.name, "sum")


def _over_time(_: FamilySnapshot, sample: str) -> Combine:
    return "min" if sample.endswith("_created") else "sum"


def _combined(
    snapshots: Iterable[Iterable[FamilySnapshot]], how: Callable[[FamilySnapshot, str], Combine]
) -> Iterator[FamilySnapshot]:
    found: dict[str, tuple[FamilySnapshot, dict[_Series, float]]] = {}
    for snapshot in snapshots:
        for family in snapshot:
            first, values = found.setdefault(family.name, (family, {}))
            for name, labels, value in family.samples:
                series = name, tuple(labels.items())
                known = values.get(series)
                if known is not None:
                    value = _COMBINED[how(first, name)](known, value)  # noqa: PLW2901
                values[series] = value
    for first, values in found.values():
        rows = [(name, dict(labels), value) for (name, labels), value in values.items()]
        yield FamilySnapshot(first.name, first.help, first.type, first.unit, rows)
