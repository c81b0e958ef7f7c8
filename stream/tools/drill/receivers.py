"""Which receivers of alerts the workers with these settings have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stream.delivery.sink import group_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.settings import Settings


@dataclass(frozen=True, slots=True)
class Receiver:
    """A receiver, and the consumer group that reads the alerts topic for it."""

    name: str
    group: str


def receivers(settings: Settings) -> tuple[Receiver, ...]:
    """Return every receiver that is set."""
    return tuple(Receiver(name, group_of(settings.kafka.app_id, name)) for name in _names(settings))


def _names(settings: Settings) -> Iterator[str]:
    yield "log"
    for name, is_set in (
        ("webhook", settings.webhook.url),
        ("pagerduty", settings.pagerduty.routing_key),
        ("slack", settings.slack.url),
        ("ocsf", settings.ocsf.url),
        ("alertmanager", settings.alertmanager.urls),
    ):
        if is_set:
            yield name
