"""docs/privacy.md names every topic with its retention, and every secret with what it keys."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from stream.cli.describe import describe
from stream.kafka.settings import TopicSettings
from stream.kafka.topics import wanted
from stream.settings import Settings
from testlib.deployment.runbook import broken_links
from testlib.deployment.secret_settings import secrets
from testlib.paths import ROOT

if TYPE_CHECKING:
    from stream.kafka.topics import WantedTopic

PAGE = ROOT / "docs" / "privacy.md"
TEXT = PAGE.read_text()
TOPICS = {topic.name: topic for topic in wanted(Settings().topics)}


def rows(heading: str) -> dict[str, list[str]]:
    """Return the rows of the table below a heading by the name in their first cell."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if "|" in line]
    return {row[0].strip("`"): row for row in cells[2:]}


def setting(name: str) -> object:
    section, _, field = name.partition(".")
    return getattr(getattr(Settings(), section), field)


def kept(topic: WantedTopic) -> str:
    """Return what the cell has to begin with, by the configuration that creates the topic."""
    config = topic.config
    if config.get("cleanup.policy") == "compact":
        return "compacted: "
    if (retention := config.get("retention.ms")) is None:
        return "as you set it"
    return "for ever" if retention == "-1" else retention_setting(int(retention) / 1000)


def retention_setting(seconds: float) -> str:
    """Return the only retention of topics with this default, and its days."""
    (name,) = [
        field
        for field in TopicSettings.__struct_fields__
        if field.endswith("retention_s") and getattr(TopicSettings(), field) == seconds
    ]
    return f"`topics.{name}`, {timedelta(seconds=seconds).days} days"


def test_every_topic_has_a_row_and_no_other_has() -> None:
    assert rows("Topics").keys() == TOPICS.keys()


@pytest.mark.parametrize("name", TOPICS)
def test_what_is_kept_is_what_the_topic_is_made_with(name: str) -> None:
    assert rows("Topics")[name][4].startswith(kept(TOPICS[name]))


def test_the_durations_beside_settings_are_their_defaults() -> None:
    found = re.findall(r"`([a-z]+\.[a-z_]+_s)`, (\d+) days?", TEXT)
    assert {name for name, _ in found} >= {"topics.alerts_retention_s", "campaigns.remember_s"}
    assert [(name, timedelta(days=int(days)).total_seconds()) for name, days in found] == [
        (name, setting(name)) for name, _ in found
    ]


def test_every_secret_is_a_key_with_a_row_or_opens_doors_only() -> None:
    (sentence,) = re.findall(r"^The other secrets.*?\n\n", TEXT, re.MULTILINE | re.DOTALL)
    doors = set(re.findall(r"`([a-z.]+[a-z_]+)`", sentence))
    keys = set(rows("Keys"))
    assert keys.isdisjoint(doors)
    assert keys | doors == secrets()


def test_the_settings_it_names_exist_and_its_links_lead_somewhere() -> None:
    known = {one.name for one in describe()}
    sections = {name.partition(".")[0] for name in known}
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)", TEXT))
    assert {name for name in named if name.partition(".")[0] in sections} <= known
    assert broken_links(PAGE) == []


def test_compaction_is_as_it_is_configured() -> None:
    closed = {
        t.config["segment.ms"]
        for t in TOPICS.values()
        if t.config.get("cleanup.policy") == "compact"
    }
    assert closed == {"600000"}
    assert "`segment.ms` 10 minutes" in TEXT
