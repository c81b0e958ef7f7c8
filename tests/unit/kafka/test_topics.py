import pytest

from stream.kafka.settings import TopicSettings
from stream.kafka.topics import problems, state_topic_of, topic_of, wanted

SETTINGS = TopicSettings(internal_prefix="i.", partitions=3)


def test_every_stage_has_its_topic_and_its_state_with_as_many_partitions() -> None:
    partitions = {topic.name: topic.partitions for topic in wanted(SETTINGS)}
    for role in ("events", "links", "findings"):
        assert partitions[topic_of(SETTINGS, role)] == partitions[state_topic_of(SETTINGS, role)]
    assert partitions["i.events"] == 3
    assert partitions["i.findings"] == 1


def test_state_and_what_people_say_is_compacted_and_the_rest_is_not() -> None:
    said = {
        *(SETTINGS.verdicts, SETTINGS.suppressions, SETTINGS.accounts),
        *(SETTINGS.decisions, SETTINGS.effects, SETTINGS.ledger, SETTINGS.indicators),
    }
    for topic in wanted(SETTINGS):
        compacted = topic.config.get("cleanup.policy") == "compact"
        assert compacted == (topic.name.endswith("-state") or topic.name in said)


def test_all_is_well_when_every_topic_is_there() -> None:
    found = {topic.name: topic.partitions for topic in wanted(SETTINGS)}
    assert problems(found, SETTINGS) == []


def test_the_requests_topic_may_have_any_number_of_partitions() -> None:
    found = {topic.name: topic.partitions for topic in wanted(SETTINGS)}
    assert problems(found | {SETTINGS.requests: 1}, SETTINGS) == []
    assert problems(found | {SETTINGS.requests: 100}, SETTINGS) == []


@pytest.mark.parametrize("name", [topic.name for topic in wanted(SETTINGS)])
def test_a_missing_topic_is_one_line_that_names_it(name: str) -> None:
    found = {topic.name: topic.partitions for topic in wanted(SETTINGS)}
    del found[name]
    (line,) = problems(found, SETTINGS)
    assert name in line
    assert "missing" in line
    assert "topics create" in line


@pytest.mark.parametrize("partitions", [2, 4])
def test_another_number_of_partitions_is_one_line_with_both_numbers(partitions: int) -> None:
    found = {topic.name: topic.partitions for topic in wanted(SETTINGS)}
    (line,) = problems(found | {"i.events": partitions}, SETTINGS)
    assert f"{partitions} partitions instead of 3" in line


def test_every_topic_that_is_written_to_takes_the_largest_record() -> None:
    for topic in wanted(TopicSettings(max_record_bytes=9_000_000)):
        largest = topic.config.get("max.message.bytes")
        assert (largest == "9000000") == (topic.reader != "intake")
