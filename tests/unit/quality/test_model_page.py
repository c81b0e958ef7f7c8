"""The documented model is the one that runs."""

from __future__ import annotations

from quality.model_page import PAGE, page


def test_the_document_shows_the_table() -> None:
    assert PAGE.read_text() == page(), (
        "run: PYTHONPATH=.:tests/bench python -m quality.model_page --write"
    )
