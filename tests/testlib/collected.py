"""A plugin of pytest (``-p testlib.collected``): prints file, name and marks of each test."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

START = "collected: "


def pytest_collection_finish(session: pytest.Session) -> None:
    """Print one line of JSON for each test."""
    for item in session.items:
        marks = sorted({mark.name for mark in item.iter_markers()})
        name = item.name.partition("[")[0]
        print(START + json.dumps([str(item.path), name, marks]))
