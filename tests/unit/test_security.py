"""docs/security.md names tests that exist, and has a row for every topic and every secret."""

from __future__ import annotations

import re

import pytest

from stream.kafka.topics import wanted
from stream.settings import Settings
from testlib.deployment.runbook import broken_links
from testlib.deployment.secret_settings import secrets
from testlib.paths import ROOT, TESTS

PAGE = ROOT / "docs" / "security.md"
TEXT = PAGE.read_text()
PROOFS = re.findall(r"`([\w./]+\.py)::(\w+)`", TEXT)


def named(heading: str) -> list[str]:
    """Return the names in the first cells of the table below a heading."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    return [name for row in re.findall(r"^\|(.*?) \|", section, re.MULTILINE)
            for name in re.findall(r"`([^`]+)`", row)]  # fmt: skip


def test_claims_have_proofs() -> None:
    assert len(PROOFS) > 30


@pytest.mark.parametrize(("file", "name"), PROOFS)
def test_what_proves_a_claim_exists(file: str, name: str) -> None:
    assert re.search(rf"^(async )?def {name}\(", (TESTS / file).read_text(), re.MULTILINE)


def test_every_topic_has_a_row() -> None:
    rows = named("Topics")
    prefix = "distillwatch.internal."
    topics = {topic.name for topic in wanted(Settings().topics)}
    assert {prefix if name.startswith(prefix) else name for name in topics} == set(rows)


def test_every_secret_has_a_row() -> None:
    assert set(named("A stolen secret")) == secrets()


def test_its_links_lead_somewhere() -> None:
    assert broken_links(PAGE) == []
