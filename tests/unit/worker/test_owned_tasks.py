"""Tasks that are assigned and lost again."""

import asyncio
from typing import Any

import pytest

from stream.core.errors import StateError
from stream.kafka.settings import KafkaSettings, TopicSettings
from stream.kafka.topics import topic_of
from stream.worker import tasks
from stream.worker.metrics import WorkerMetrics
from stream.worker.ports import Stages
from stream.worker.record_batch import TP
from stream.worker.tasks import OwnedTasks


class CountedTask:
    """Counts itself, as tasks do in gauges."""

    living = 0

    def __init__(self) -> None:
        CountedTask.living += 1

    def release(self) -> None:
        CountedTask.living -= 1


class NoChangelog:
    def __init__(self, tp: TP, *_: object) -> None:
        self.tp = tp

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Topics:
    def topic_id(self, topic: str) -> str:
        return topic


@pytest.mark.parametrize("reason", [asyncio.CancelledError, StateError])
async def test_tasks_that_move_while_they_are_loaded_leave_nothing_in_the_gauges(
    reason: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebalance cancels the loading when some tasks are loaded, and have set their gauges."""

    async def interrupted(*_: object, **__: object) -> None:
        raise reason

    monkeypatch.setattr(tasks, "Changelog", NoChangelog)
    monkeypatch.setattr(tasks, "recover", interrupted)
    monkeypatch.setattr(CountedTask, "living", 0)
    topics, topic_monitor = TopicSettings(), Topics()
    source: Any = None
    made: Any = lambda role, task: CountedTask()  # noqa: ARG005, E731 - the port's arguments
    owned = OwnedTasks(Stages(source, made), KafkaSettings(), topics, WorkerMetrics())
    with pytest.raises(reason):
        await owned.assign({TP(topic_of(topics, "events"), 0)}, topic_monitor)  # type: ignore[arg-type]
    assert not list(owned)
    assert CountedTask.living == 0
