"""What is written for operators, and the runbook as sections."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "deploy"
PATH = FOLDER / "runbook.md"
TEXT = PATH.read_text()
DOCUMENTS = (PATH, FOLDER / "README.md")


def anchor(heading: str) -> str:
    """Return the anchor that GitHub and GitLab give a heading."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def anchors(text: str) -> list[str]:
    """Return the anchor of every heading."""
    return [anchor(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]


#: Heading of the third level -> text below it.
SECTIONS = dict(re.findall(r"^### (.*?)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
