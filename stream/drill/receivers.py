"""Which receivers of alerts the workers with these settings have, and what they do with a drill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.sinks.sink import group_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.settings import Settings


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver, and the consumer group that reads the alerts topic for it."""

    name: str
    group: str
    delivers: bool


def receivers(settings: Settings) -> tuple[Receiver, ...]:
    """Return every receiver that is set."""
    return tuple(
        Receiver(name, group_of(settings.kafka.app_id, name), delivers)
        for name, delivers in _set(settings)
    )


def _set(settings: Settings) -> Iterator[tuple[str, bool]]:
    yield "log", True
    for name, is_set, its in (
        ("webhook", settings.webhook.url, settings.webhook),
        ("pagerduty", settings.pagerduty.routing_key, settings.pagerduty),
        ("slack", settings.slack.url, settings.slack),
        ("ocsf", settings.ocsf.url, settings.ocsf),
        ("alertmanager", settings.alertmanager.urls, settings.alertmanager),
    ):
        if is_set:
            yield name, its.drills == "deliver"
