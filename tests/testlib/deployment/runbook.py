"""What is written for operators, and the runbook as sections."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from testlib.paths import DEPLOY

if TYPE_CHECKING:
    from pathlib import Path

PATH = DEPLOY / "runbook.md"
TEXT = PATH.read_text()
DOCUMENTS = (PATH, DEPLOY / "README.md")


def anchor(heading: str) -> str:
    """Return the anchor that GitHub and GitLab give a heading."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def anchors(text: str) -> list[str]:
    """Return the anchor of every heading."""
    return [anchor(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)]


def broken_links(page: Path) -> list[str]:
    """Return the links of a page that lead to no file here, or to no heading of one."""
    found = []
    for target in re.findall(r"\]\(((?!https?:)[^)]+)\)", page.read_text()):
        file, _, fragment = target.partition("#")
        path = page.parent / file if file else page
        if not path.exists() or (fragment and fragment not in anchors(path.read_text())):
            found.append(target)
    return found


#: Heading of the third level -> text below it.
SECTIONS = dict(re.findall(r"^### (.*?)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
