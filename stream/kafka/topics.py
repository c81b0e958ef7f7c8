"""The topics as data: checks whether the cluster has them, and creates missing ones.

It never changes or deletes a topic that exists: that is for the people who own the cluster.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kafka.errors import (
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from stream.core.errors import BrokerError, TopicError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kafka import KafkaAdminClient

    from stream.kafka.settings import TopicSettings

#: The stages with durable state, by the role of the topic that they read.
STATE_TOPICS: Final = {
    "events": "accounts-state",
    "links": "links-state",
    "findings": "alerting-state",
}
#: The stage that reads the topic of a role: a label of metrics.
STAGE_OF: Final = {role: name.removesuffix("-state") for role, name in STATE_TOPICS.items()}
#: The role of the topic with values that may be shared.
SHAREABLE: Final = "shareable"
_CREATE_TIMEOUT_MS: Final = 30_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedTopic:
    """A topic that must exist; ``exact`` when another number of partitions would lose state."""

    name: str
    partitions: int
    exact: bool
    replication_factor: int
    reader: str
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Described:
    """A topic as it is now; its id differs from an earlier topic of that name ("": unknown)."""

    partitions: int
    topic_id: str


def describe(admin: KafkaAdminClient, names: Sequence[str]) -> dict[str, Described]:
    """Return the topics as the brokers describe them, without missing ones."""
    found = {}
    for topic in admin.describe_topics(list(names)):
        error = for_code(topic["error_code"])
        if error is UnknownTopicOrPartitionError:
            continue
        if topic["error_code"]:
            raise BrokerError(f"topic {topic['name']} cannot be described: {error.__name__}")
        found[topic["name"]] = Described(len(topic["partitions"]), str(topic.get("topic_id") or ""))
    return found


def missing(topic: str) -> str:
    """Return the error text for a missing topic."""
    return f"topic {topic} is missing (make it with `distillwatch topics create`)"


def wanted(settings: TopicSettings) -> tuple[WantedTopic, ...]:
    """Return every topic of the product."""
    return tuple(_wanted(settings))


def topic_of(settings: TopicSettings, role: str) -> str:
    """Return the name of the topic of a role (see stream.core.records.Role)."""
    own = {
        "alerts": settings.alerts,
        "deadletter": settings.deadletter,
        "answers": settings.answers,
        "ledger": settings.ledger,
    }
    return own.get(role) or settings.internal_prefix + role


def state_topic_of(settings: TopicSettings, role: str) -> str:
    """Return the name of the state topic of the stage that reads the topic of ``role``."""
    return settings.internal_prefix + STATE_TOPICS[role]


def find(admin: KafkaAdminClient, settings: TopicSettings) -> dict[str, int]:
    """Return the number of partitions of each wanted topic that exists."""
    names = [topic.name for topic in wanted(settings)]
    # A request for one topic by name would create it on brokers with automatic creation.
    found = {topic["name"]: topic for topic in admin.describe_topics()}
    return {name: len(found[name]["partitions"]) for name in names if name in found}


def problems(found: Mapping[str, int], settings: TopicSettings) -> list[str]:
    """Return one line for each topic that is missing or has the wrong number of partitions."""
    return [line for topic in wanted(settings) if (line := _problem(topic, found.get(topic.name)))]


def check(admin: KafkaAdminClient, settings: TopicSettings) -> dict[str, int]:
    """Return the partitions of every wanted topic; raises TopicError when one is not right."""
    found = find(admin, settings)
    wrong = problems(found, settings)
    if wrong:
        raise TopicError("; ".join(wrong))
    return found


def create(admin: KafkaAdminClient, settings: TopicSettings) -> list[str]:
    """Create the missing topics and return their names; idempotent."""
    found = find(admin, settings)
    made = [
        topic.name
        for topic in wanted(settings)
        if topic.name not in found and _create(admin, topic)
    ]
    admin.wait_for_topics([topic.name for topic in wanted(settings)])
    return made


def _create(admin: KafkaAdminClient, topic: WantedTopic) -> bool:
    request = {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": topic.replication_factor,
            "configs": dict(topic.config),
        }
    }
    try:
        answer = admin.create_topics(request, timeout_ms=_CREATE_TIMEOUT_MS, raise_errors=False)
    except KafkaError as error:
        raise BrokerError(f"topic {topic.name} cannot be created: {error}") from error
    for one in answer["topics"]:
        error_type = for_code(one["error_code"])
        if error_type is TopicAlreadyExistsError:
            return False  # another client was faster
        if one["error_code"]:
            reason = one.get("error_message") or error_type.__name__
            raise BrokerError(f"topic {topic.name} cannot be created: {reason}")
    return True


def _problem(topic: WantedTopic, partitions: int | None) -> str | None:
    if partitions is None:
        return missing(topic.name)
    if topic.exact and partitions != topic.partitions:
        return (
            f"topic {topic.name} has {partitions} partitions instead of {topic.partitions} "
            "(of internal topics: set topics.partitions to what it was when the state was written)"
        )
    return None


def _wanted(settings: TopicSettings) -> Iterator[WantedTopic]:
    partitions, prefix = settings.partitions, settings.internal_prefix
    # An alert names every member of a campaign, and a dead letter is whatever was sent to us.
    largest = {"max.message.bytes": str(settings.max_record_bytes)}
    kept = {**largest, "retention.ms": _ms(settings.alerts_retention_s)}
    passing = {
        **largest,
        "cleanup.policy": "delete",
        "retention.ms": _ms(settings.internal_retention_s),
    }
    compacted = {
        **largest,
        "cleanup.policy": "compact",
        # Recovery reads the whole topic: clean it early and often.
        "segment.ms": str(600_000),
        "min.cleanable.dirty.ratio": "0.2",
    }

    traced = {
        **largest,
        "cleanup.policy": "delete",
        "retention.ms": _ms(settings.answers_retention_s),
        # The brokers delete whole segments only: within a day of the end of their retention.
        "segment.ms": str(86_400_000),
    }
    fading = {
        **compacted,
        "cleanup.policy": "compact,delete",
        "retention.ms": _ms(settings.shareable_retention_s),
    }

    def topic(
        name: str, partitions: int, reader: str, config: Mapping[str, str], *, exact: bool
    ) -> WantedTopic:
        return WantedTopic(
            name=name,
            partitions=partitions,
            exact=exact,
            replication_factor=settings.replication_factor,
            reader=reader,
            config=config,
        )

    yield topic(settings.requests, settings.requests_partitions, "intake", {}, exact=False)
    yield topic(settings.accounts, 1, "intake of every worker", compacted, exact=False)
    yield topic(settings.alerts, 1, "sinks and you", kept, exact=False)
    yield topic(settings.deadletter, 1, "you", kept, exact=False)
    yield topic(settings.verdicts, 1, "alerting", compacted, exact=False)
    yield topic(settings.suppressions, 1, "alerting", compacted, exact=False)
    # In one partition: the audit has the order of the records.
    yield topic(settings.decisions, 1, "decisions of every worker", compacted, exact=True)
    yield topic(settings.effects, 1, "decisions of every worker", compacted, exact=False)
    yield topic(settings.ledger, 1, "reports", compacted, exact=False)
    yield topic(settings.indicators, 1, "intake of every worker", compacted, exact=False)
    yield topic(settings.audit, 1, "you", {**largest, "retention.ms": "-1"}, exact=True)
    yield topic(settings.answers, partitions, "you", traced, exact=False)
    yield topic(prefix + "events", partitions, "accounts", passing, exact=True)
    yield topic(prefix + SHAREABLE, 1, "`distillwatch share export`", fading, exact=False)
    yield topic(prefix + "links", partitions, "links", passing, exact=True)
    yield topic(prefix + "findings", 1, "alerting", passing, exact=True)
    yield topic(prefix + STATE_TOPICS["events"], partitions, "accounts", compacted, exact=True)
    yield topic(prefix + STATE_TOPICS["links"], partitions, "links", compacted, exact=True)
    yield topic(prefix + STATE_TOPICS["findings"], 1, "alerting", compacted, exact=True)


def _ms(seconds: float) -> str:
    return str(int(seconds * 1000))
