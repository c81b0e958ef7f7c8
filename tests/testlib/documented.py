"""The configurations that docs/decisions.md prints: what is documented is what is tested."""

from __future__ import annotations

import re

from testlib.paths import ROOT

_TEXT = (ROOT / "docs" / "decisions.md").read_text()


def block(language: str, containing: str) -> str:
    """Return the one block of a language that contains a text."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", _TEXT, re.MULTILINE | re.DOTALL)
    (found,) = (one for one in blocks if containing in one)
    return str(found)
