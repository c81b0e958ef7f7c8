"""What happens to the source topic, and what the source stage is told of it."""

from types import SimpleNamespace

import pytest

from stream.errors import TopicError
from stream.kafka.settings import KafkaSettings
from stream.kafka.topics import Described
from stream.worker.source import SourceTopic


@pytest.fixture
def told() -> list[tuple[int, str]]:
    return []


@pytest.fixture
def topic(told: list[tuple[int, str]]) -> SourceTopic:
    stage = SimpleNamespace(know=lambda partitions, origin: told.append((partitions, origin)))
    return SourceTopic(stage, KafkaSettings(), "requests")


def test_growth_is_passed_on(topic: SourceTopic, told: list[tuple[int, str]]) -> None:
    for partitions in (4, 4, 6):
        topic.learn(Described(partitions, "id"))
    assert told == [(4, "id"), (4, "id"), (6, "id")]


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (None, "topic requests is gone: make it again .* start the workers"),
        (Described(4, "other"), "requests was deleted and made again: start the workers again"),
        (Described(6, "other"), "requests was deleted and made again"),
        (Described(3, "id"), "requests has 3 partitions, it had 4"),
    ],
)
def test_another_topic_is_never_read_on(
    topic: SourceTopic, told: list[tuple[int, str]], now: Described | None, said: str
) -> None:
    topic.learn(Described(4, "id"))
    with pytest.raises(TopicError, match=said):
        topic.learn(now)
    assert told == [(4, "id")]


def test_brokers_without_ids_of_topics_are_believed(topic: SourceTopic) -> None:
    topic.learn(Described(4, ""))
    topic.learn(Described(5, ""))
