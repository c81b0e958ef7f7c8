"""The source of a replay: files, or a span of a topic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stream.cli.common import moment
from stream.core.errors import UsageError
from stream.tools.replay.source import FileSource, TopicSource
from stream.tools.replay.topic import ArrivalSpan

if TYPE_CHECKING:
    from stream.settings import Settings
    from stream.tools.replay.source import ReplaySource


def source_of(
    settings: Settings,
    files: list[Path] | None,
    topic: str | None,
    since: str | None,
    until: str | None,
) -> ReplaySource:
    """Return the source that the arguments name; raises UsageError when they conflict."""
    if topic is not None and not files:
        arrivals = ArrivalSpan(topic, _time("--from", since), _time("--to", until))
        return TopicSource(settings.kafka, arrivals)
    if topic is not None or not files:
        raise UsageError("expected either files or --topic")
    if since is not None or until is not None:
        raise UsageError("--from and --to need --topic")
    return FileSource(files)


def _time(option: str, text: str | None) -> float | None:
    return None if text is None else moment(option, text)
