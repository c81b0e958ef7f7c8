"""The rules of the tests: what they import, no search path of their own, no fixed sleeps."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parents[1]
#: Programs of other environments, which have a folder of helpers of their own.
FOREIGN = TESTS / "bench" / "side_by_side" / "competitors"
FILES = [path for path in sorted(TESTS.rglob("*.py")) if FOREIGN not in path.parents]
#: Top-level names of folders and files that only one folder of tests may use: its own.
OWN = {path.stem for path in FILES if path.stem.startswith("test_") or path.stem == "conftest"} | {
    path.name for path in TESTS.iterdir() if path.is_dir() and path.name != "testlib"
}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_a_test_imports_the_product_and_testlib_and_no_other_test(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert {name for name in imported(tree) if name.partition(".")[0] in OWN} == set()
    changed = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("sys.path")
    ]
    assert changed == [], "pyproject.toml has the search path"


#: File -> how many fixed sleeps it has, and why no event can be awaited instead.
SLEEPS = {
    "deploy/test_alertmanager.py": (1, "an alert that was not posted again would end by then"),
    "deploy/test_scrape.py": (1, "rates need several scrapes"),
    "integration/chaos/test_brokers.py": (6, "how long a fault lasts"),
    "integration/chaos/test_source_topic.py": (2, "how long a partition is idle; a pace"),
    "integration/chaos/test_workers.py": (9, "how long a fault lasts, drawn at random"),
    "integration/test_sink_outage.py": (3, "how long a fault lasts; a receiver that hangs"),
    "integration/test_transport.py": (5, "how long a worker is stalled; work under way"),
    "testlib/alerts.py": (1, "a receiver that takes its time"),
    "testlib/frozen_state.py": (1, "the pace of the traffic of which the state is kept"),
    "testlib/receivers.py": (1, "a receiver that hangs"),
    "testlib/until.py": (2, "the one place that waits"),
    "testlib/workers/counting_worker.py": (3, "loading, seeking and work that take their time"),
    "testlib/workers/product.py": (1, "the pace of the traffic"),
    "unit/delivery/test_webhook_faults.py": (1, "a receiver that trickles"),
}


def sleeps(path: Path) -> list[int]:
    """Return the lines that sleep for more than a turn of the event loop."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"time.sleep", "asyncio.sleep"}
        and not (isinstance(node.args[0], ast.Constant) and node.args[0].value == 0)
    ]


def test_tests_wait_for_events_and_not_for_time() -> None:
    found = {
        str(path.relative_to(TESTS)): sleeps(path)
        for path in FILES
        if TESTS / "bench" not in path.parents
    }
    allowed = {name: count for name, (count, _) in SLEEPS.items()}
    assert {name: len(lines) for name, lines in found.items() if lines} == allowed, found
