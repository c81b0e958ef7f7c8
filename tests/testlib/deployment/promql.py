"""What a PromQL expression names, and whether the product declares it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import promql_parser
from prometheus_client.utils import floatToGoString
from promql_parser import MatchOp

from stream.metrics import catalogue
from stream.telemetry.declaration import OPEN

#: Labels that Prometheus and the discovery of targets add.
TARGET = {"job", "instance", "pod"}
#: Series of Prometheus and of every process, which we use and do not declare.
COMMON = {
    "up": set(),
    "ALERTS": {"alertname", "alertstate", "severity"},
    "process_start_time_seconds": set(),
    "process_resident_memory_bytes": set(),
    "process_cpu_seconds_total": set(),
}


def _series() -> dict[str, tuple[str, dict[str, tuple[str, ...]]]]:
    """Return series name -> (attribute of the metric, labels with their closed values)."""
    found = {}
    for metric in catalogue():
        labels = dict(metric.declared.labels)
        if metric.type == "histogram":
            buckets = tuple(floatToGoString(b) for b in metric.declared.buckets)
            found[f"{metric.name}_bucket"] = (
                metric.attribute,
                {
                    **labels,
                    "le": (*buckets, "+Inf"),
                },
            )
            found[f"{metric.name}_sum"] = found[f"{metric.name}_count"] = metric.attribute, labels
        else:
            found[metric.name] = metric.attribute, labels
    return found


SERIES = _series()


@dataclass(frozen=True)
class Use:
    """One selector: its series, its matchers (label, operator, value), the functions around it."""

    series: str
    matchers: tuple[tuple[str, MatchOp, str], ...]
    functions: tuple[str, ...]

    @property
    def metric(self) -> str | None:
        """Return the attribute of the declared metric, None for a common or recorded series."""
        return SERIES[self.series][0] if self.series in SERIES else None


@dataclass(frozen=True)
class Parsed:
    """The selectors of an expression, and every label that it groups or joins by."""

    uses: list[Use]
    labels: set[str]


def parse(expr: str) -> Parsed:
    """Read an expression; raises ValueError when it is no PromQL."""
    uses: list[Use] = []
    labels: set[str] = set()
    above: list[str] = []

    def enter(node: promql_parser.Expr) -> None:
        above.append(getattr(getattr(node, "func", None), "name", ""))
        if isinstance(node, promql_parser.MatrixSelector | promql_parser.VectorSelector):
            selector: Any = getattr(node, "vector_selector", node)
            matchers = tuple((m.name, m.op, m.value) for m in selector.matchers.matchers)
            uses.append(Use(selector.name, matchers, tuple(name for name in above if name)))
        modifier = getattr(node, "modifier", None)
        if isinstance(modifier, promql_parser.AggModifier):
            labels.update(modifier.labels)
        elif modifier is not None:
            labels.update(modifier.matching.labels if modifier.matching else ())
            labels.update(modifier.group_labels or ())

    def leave(_: promql_parser.Expr) -> None:
        above.pop()

    promql_parser.walk(promql_parser.parse(expr), enter, leave)
    return Parsed(uses, labels)


def problems(expr: str, recorded: dict[str, str] | None = None) -> list[str]:
    """Return what an expression names and nobody declares; ``recorded`` is name -> expression."""
    recorded = recorded or {}
    parsed = parse(expr)
    found: list[str] = []
    known = set(TARGET)
    for use in parsed.uses:
        if use.series in recorded:
            known |= {label for inner in parse(recorded[use.series]).uses for label in _of(inner)}
        elif use.series not in SERIES and use.series not in COMMON:
            found.append(f"{use.series} is declared nowhere in stream/")
        known |= _of(use)
        found += [line for matcher in use.matchers if (line := _problem(use, *matcher))]
    found += [f"{label} is no label of {expr}" for label in sorted(parsed.labels - known)]
    return found


def _of(use: Use) -> set[str]:
    return set(SERIES[use.series][1]) if use.series in SERIES else COMMON.get(use.series, set())


def _problem(use: Use, label: str, op: MatchOp, value: str) -> str | None:
    if use.series not in SERIES or label in TARGET:
        return None
    labels = SERIES[use.series][1]
    if label not in labels:
        return f"{label} is no label of {use.series}"
    values = re.split(r"\|", value) if op in (MatchOp.Re, MatchOp.NotRe) else [value]
    unknown = [v for v in values if labels[label] != OPEN and v not in labels[label]]
    return f"{label} of {use.series} is never {unknown[0]!r}" if unknown else None
