"""Changes of the topics that are read, and the notices of the source reader."""

from types import SimpleNamespace

import pytest

from stream.core.errors import TopicError
from stream.kafka.settings import KafkaSettings, TopicSettings
from stream.kafka.topics import Described
from stream.worker.topic_monitor import TopicMonitor

TOPICS = TopicSettings(requests="requests", internal_prefix="i.")


class Scene:
    def __init__(self) -> None:
        self.changes: list[tuple[int, str]] = []
        stage = SimpleNamespace(on_topic_changed=lambda *change: self.changes.append(change))
        self.monitor = TopicMonitor(stage, KafkaSettings(), TOPICS)
        self.found = {
            "requests": Described(4, "source"),
            **{f"i.{role}": Described(2, role) for role in ("events", "links", "findings")},
        }

    def update(self, now: dict[str, Described | None] | None = None) -> None:
        found = self.found | (now or {})
        self.monitor.update({name: topic for name, topic in found.items() if topic is not None})


def test_growth_of_the_source_is_passed_on() -> None:
    scene = Scene()
    scene.update()
    scene.update()
    scene.update({"requests": Described(6, "source")})
    assert scene.changes == [(4, "source"), (4, "source"), (6, "source")]
    assert scene.monitor.topic_id("i.events") == "events"


@pytest.mark.parametrize(
    ("now", "error"),
    [
        ({"requests": None}, "topic requests is gone: make it again .* start the workers"),
        ({"i.links": None}, "topic i.links is gone"),
        ({"requests": Described(4, "other")}, "topic requests was deleted and made again"),
        ({"requests": Described(6, "other")}, "topic requests was deleted and made again"),
        ({"i.events": Described(2, "other")}, "topic i.events was deleted and made again"),
        ({"requests": Described(3, "source")}, "requests has 3 partitions instead of 4"),
        ({"i.events": Described(3, "events")}, "i.events has 3 partitions instead of 2"),
    ],
)
def test_another_topic_is_never_read_on(now: dict[str, Described | None], error: str) -> None:
    scene = Scene()
    scene.update()
    with pytest.raises(TopicError, match=error):
        scene.update(now)
    assert set(scene.changes) == {(4, "source")}


def test_brokers_without_ids_of_topics_are_believed() -> None:
    scene = Scene()
    scene.update({"requests": Described(4, "")})
    scene.update({"requests": Described(5, "")})
    assert scene.changes[-1] == (5, "")
