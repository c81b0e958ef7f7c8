"""The values of the gauges of lag, with a view and a runtime that the test drives."""

from types import SimpleNamespace
from typing import Any

import pytest

from stream.http.health import Health
from stream.metrics import Metrics
from stream.worker.lag import Lag
from stream.worker.positions import Positions
from stream.worker.record_batch import TP

ONE, TWO, OTHER = TP("requests", 0), TP("requests", 1), TP("events", 0)


class Scene:
    def __init__(self) -> None:
        self.ends: dict[TP, int | None] = {}
        self.positions = Positions()
        self.metrics = Metrics()
        self.health = Health(stalled_after_s=60)
        view = SimpleNamespace(end=lambda tp, within_s: self.ends.get(tp))  # noqa: ARG005
        runtime: Any = SimpleNamespace(positions=self.positions)
        self.lag = Lag(
            view,
            runtime,
            self.metrics,
            self.health,
        )

    def measure(self, now_s: float, cpu_s: float = 0.0) -> None:
        self.lag.measure(now_s, now_s, cpu_s)

    def busy(self) -> float | None:
        return self.metrics.registry.get_sample_value("distillwatch_busy_cores")

    def records(self, tp: TP) -> float | None:
        labels = {"topic": tp.topic, "partition": str(tp.partition)}
        return self.metrics.registry.get_sample_value("distillwatch_consumer_lag_records", labels)

    def seconds(self, topic: str = "requests") -> float | None:
        labels = {"topic": topic}
        return self.metrics.registry.get_sample_value("distillwatch_consumer_lag_seconds", labels)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_backlog_is_as_old_as_its_first_record(scene: Scene) -> None:
    scene.positions.set({ONE: 100})
    scene.positions.found(ONE, 40.0)
    scene.ends[ONE] = 250
    scene.measure(100.0)
    assert scene.records(ONE) == 150
    assert scene.seconds() == 60.0


def test_a_partition_that_was_silent_for_long_is_not_behind_for_long(scene: Scene) -> None:
    scene.positions.set({ONE: 10})
    scene.positions.found(ONE, 1000.0)
    scene.ends[ONE] = 10
    for now_s in (2000.0, 4000.0):
        scene.measure(now_s)
        assert (scene.records(ONE), scene.seconds()) == (0, 0.0)
    scene.ends[ONE] = 12
    scene.measure(4002.0)
    assert (scene.records(ONE), scene.seconds()) == (2, 2.0)
    scene.measure(4010.0)
    assert scene.seconds() == 10.0


def test_the_partition_that_is_most_behind_counts(scene: Scene) -> None:
    scene.positions.set({ONE: 0, TWO: 0})
    scene.positions.found(ONE, 90.0)
    scene.positions.found(TWO, 50.0)
    scene.ends |= {ONE: 1, TWO: 1}
    scene.measure(100.0)
    assert scene.seconds() == 50.0


def test_a_broker_that_is_silent_hides_no_backlog(scene: Scene) -> None:
    scene.positions.set({ONE: 10})
    scene.positions.found(ONE, 90.0)
    scene.ends[ONE] = 30
    scene.measure(100.0)
    scene.ends[ONE] = None
    scene.measure(200.0)
    assert (scene.records(ONE), scene.seconds()) == (20, 110.0)


def test_it_says_how_long_no_broker_has_answered(scene: Scene) -> None:
    def silence() -> float | None:
        return scene.metrics.registry.get_sample_value("distillwatch_broker_silence_seconds")

    scene.positions.set({ONE: 10, TWO: 10})
    scene.ends[ONE] = 10
    scene.measure(100.0)
    assert silence() == 0.0
    scene.ends[ONE] = None
    scene.measure(140.0)
    assert silence() == 40.0
    scene.positions.forget([ONE, TWO])
    scene.measure(150.0)
    assert silence() == 0.0


def test_nothing_is_shown_of_partitions_that_have_moved(scene: Scene) -> None:
    scene.positions.set({ONE: 0, TWO: 0, OTHER: 0})
    for tp in (ONE, TWO, OTHER):
        scene.positions.found(tp, 0.0)
        scene.ends[tp] = 5
    scene.measure(10.0)
    scene.positions.forget([ONE, OTHER])
    scene.measure(11.0)
    assert scene.records(ONE) is None
    assert scene.records(TWO) == 5
    assert scene.seconds("events") is None
    assert scene.seconds() == 11.0
    scene.positions.forget([TWO])
    scene.measure(12.0)
    assert scene.seconds() is None


def test_busy_cores_are_measured_while_records_wait(scene: Scene) -> None:
    scene.positions.set({ONE: 100, OTHER: 7})
    scene.positions.found(ONE, 1000.0)
    scene.ends[ONE] = 250
    scene.measure(1000.0, cpu_s=50.0)
    scene.measure(1002.0, cpu_s=51.5)
    assert scene.busy() == 0.75
    scene.measure(1006.0, cpu_s=56.5)
    assert scene.busy() == 1.25


def test_who_has_no_backlog_need_not_be_busy(scene: Scene) -> None:
    scene.positions.set({ONE: 100})
    scene.positions.found(ONE, 1001.0)
    scene.ends[ONE] = 100
    scene.measure(1000.0, cpu_s=50.0)
    scene.measure(1002.0, cpu_s=50.1)
    assert scene.busy() == 0.0
    scene.ends[ONE] = 101  # it has just come
    scene.measure(1004.0, cpu_s=50.2)
    scene.ends[ONE] = 100
    scene.measure(1006.0, cpu_s=50.3)
    assert scene.busy() == 0.0
