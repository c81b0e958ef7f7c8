"""The tests' own rules: what they may import, and that they change no search path."""

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
