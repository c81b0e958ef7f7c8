"""Every declared value of a metric's label is given somewhere, and no time counts twice."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from prometheus_client.context_managers import Timer

from stream.core.records import Record
from stream.core.secret import Secret
from stream.metrics import Metrics, table
from stream.pipeline.build import accounts_task, alerting_task, intake, links_task
from stream.settings import Settings
from stream.telemetry.declaration import OVERFLOW
from stream.telemetry.shared import STAGES
from stream.tools.simulate.population import Crowd, PlantedCampaigns
from stream.tools.simulate.scenario import Scenario
from stream.trace.answer_sketches import AnswerSketches
from stream.trace.settings import TraceSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

STREAM = Path(__file__).parents[2] / "stream"
METRICS = {metric.attribute: metric.declared for metric in table()}
CLOSED = [
    pytest.param(attribute, label, id=f"{attribute} {label}")
    for attribute, declared in METRICS.items()
    for label, values in declared.labels.items()
    if values
]
#: Where values are said that a call site gets from elsewhere, beside its own package.
ELSEWHERE = {
    "pipeline": ("intake", "core"),
    "worker": ("pipeline", "intake"),
    "alerting": ("core",),
    "enforcement": ("core", "decisions"),
}
#: Made of a number.
MADE = {("sink_attempts_total", "result"): {f"{family}xx" for family in range(2, 6)}}
#: Labels of a stage's whole work are given by the worker, with the name of the stage.
NAMES_A_STAGE = {"owned.stage", "task.stage", "stage.name", "self._stage.name"}


@cache
def modules() -> dict[Path, ast.Module]:
    return {
        path: ast.parse(path.read_text())
        for path in sorted(STREAM.rglob("*.py"))
        if path.name not in {"metrics.py", "shared.py"}
    }


def aliases(module: ast.Module) -> dict[str, str]:
    """Return the attributes that a module keeps a metric in, and the metric of each."""
    return {
        ast.unparse(target): node.value.attr
        for node in ast.walk(module)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute)
        for target in node.targets
        if node.value.attr in METRICS
    }


def sites() -> Iterator[tuple[Path, str, ast.Call]]:
    """Yield every call of ``labels`` of one of the metrics."""
    for path, module in modules().items():
        known = aliases(module)
        for node in ast.walk(module):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            base = node.func.value
            if node.func.attr != "labels":
                continue
            attribute = known.get(ast.unparse(base), getattr(base, "attr", ""))
            if attribute in METRICS:
                yield path, attribute, node


def given() -> dict[tuple[str, str], set[str]]:
    """Return the values that labels are given: as written, or those of where they come from."""
    found = defaultdict(set, {key: set(values) for key, values in MADE.items()})
    for path, attribute, call in sites():
        package = path.relative_to(STREAM).parts[0]
        for label, value in written(attribute, call).items():
            if value is None or not (said := literals(value)):
                if value is not None and ast.unparse(value) in NAMES_A_STAGE:
                    said = stage_names()
                else:
                    packages = (package, *ELSEWHERE.get(package, ()))
                    said = set().union(*map(strings, packages))
            found[attribute, label] |= said
    return found


def written(attribute: str, call: ast.Call) -> dict[str, ast.expr | None]:
    """Return what each label is given; None where a mapping is spread."""
    labels = METRICS[attribute].labels
    if any(keyword.arg is None for keyword in call.keywords):
        return dict.fromkeys(labels)
    named = {keyword.arg or "": keyword.value for keyword in call.keywords}
    return {**dict(zip(labels, call.args, strict=False)), **named}


def literals(value: ast.expr) -> set[str]:
    """Return the strings of an expression that has nothing else to give."""
    if isinstance(value, ast.Constant):
        return {str(value.value)}
    if isinstance(value, ast.IfExp):
        one, other = literals(value.body), literals(value.orelse)
        return one | other if one and other else set()
    return set()


@cache
def strings(package: str) -> frozenset[str]:
    return frozenset(
        node.value
        for path, module in modules().items()
        if path.relative_to(STREAM).parts[0].removesuffix(".py") == package
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def stage_names() -> set[str]:
    """Return the names that the classes of the pipeline call themselves."""
    return {
        str(node.value.value)
        for path, module in modules().items()
        if path.parent.name == "pipeline"
        for class_ in module.body
        if isinstance(class_, ast.ClassDef)
        for node in class_.body
        if isinstance(node, ast.Assign)
        and ast.unparse(node.targets[0]) == "name"
        and isinstance(node.value, ast.Constant)
    }


GIVEN = given()


@pytest.mark.parametrize(("attribute", "label"), CLOSED)
def test_every_declared_value_of_a_label_is_given(attribute: str, label: str) -> None:
    declared = set(METRICS[attribute].labels[label]) - {OVERFLOW}
    assert declared
    assert sorted(declared - GIVEN[attribute, label]) == []


def test_every_metric_with_labels_has_a_site() -> None:
    labelled = {name for name, declared in METRICS.items() if declared.labels}
    infos = {metric.attribute for metric in table() if metric.type == "info"}
    assert {attribute for _, attribute, _ in sites()} == labelled - infos


def test_stages_are_called_by_their_names() -> None:
    assert {*STAGES} == stage_names()


class Nested:
    """Which timers of ``stage_seconds`` run, and those that ran inside one of the same label."""

    running: ClassVar[list[str]] = []
    seen: ClassVar[set[str]] = set()
    twice: ClassVar[set[str]] = set()


@pytest.fixture
def nested(monkeypatch: pytest.MonkeyPatch) -> type[Nested]:
    enter, leave = Timer.__enter__, Timer.__exit__
    for state in (Nested.running, Nested.seen, Nested.twice):
        state.clear()

    def entering(timer: Any) -> Any:
        (label,) = timer._metric._labelvalues
        if label in Nested.running:
            Nested.twice.add(label)
        Nested.seen.add(label)
        Nested.running.append(label)
        return enter(timer)

    def leaving(timer: Any, *error: Any) -> Any:
        Nested.running.pop()
        return leave(timer, *error)

    monkeypatch.setattr(Timer, "__enter__", entering)
    monkeypatch.setattr(Timer, "__exit__", leaving)
    return Nested


def test_no_time_counts_twice_under_one_label(nested: type[Nested]) -> None:
    """The worker times each stage as a whole, under its name; parts have names of their own."""
    settings, metrics = Settings().stages, Metrics()
    answers = AnswerSketches(TraceSettings(key=Secret("k" * 32)), metrics)
    source = intake(settings, topic="t", metrics=metrics, answers=answers)
    tasks: dict[tuple[str, int], Any] = {("findings", 0): alerting_task(settings, metrics)}
    for number in range(settings.tasks):
        tasks["events", number] = accounts_task(settings, number, metrics)
        tasks["links", number] = links_task(settings, number, metrics)
    offsets: dict[tuple[str, int], int] = defaultdict(int)

    def carry(emissions: list[Any]) -> None:
        for emission in emissions:
            at = emission.role, emission.partition
            if at in tasks:
                offsets[at] += 1
                with metrics.stage_seconds.labels(stage=tasks[at]._stage.name).time():
                    sent = tasks[at].feed(offsets[at], emission.value)
                carry(sent)

    crowd = Crowd(people=8, tool_users=4, staff=4, services=0, batches=0, evaluations=0,
                  pipelines=0, migrations=0, tutoring=0)  # fmt: skip
    lines = list(
        Scenario(id="timers", crowd=crowd, planted=PlantedCampaigns(pool=12), span_s=7200.0).lines()
    )
    for first in range(0, len(lines), 100):
        records = [Record(first + n, None, line) for n, line in enumerate(lines[first:][:100])]
        with metrics.stage_seconds.labels(stage="intake").time():
            sent = source.process(0, records, now_s=2e9)
        carry(sent)
    assert nested.twice == set()
    assert nested.seen == set(METRICS["stage_seconds"].labels["stage"]) - {OVERFLOW}
