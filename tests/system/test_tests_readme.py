"""The table of faults names tests that exist."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
NAMED = re.findall(r"`([\w./]+\.py)::(\w+)`", (TESTS / "README.md").read_text())


def test_the_table_is_read():
    assert len(NAMED) > 20


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_what_proves_a_promise_exists(file, name):
    source = (TESTS / "integration" / file).resolve().read_text()
    assert re.search(rf"^(async )?def {name}\(", source, re.MULTILINE)
