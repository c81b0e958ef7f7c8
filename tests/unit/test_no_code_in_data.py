"""Stored and received bytes are data: nothing in the package can run code that came with them."""

import ast
from pathlib import Path

import pytest

MODULES = sorted((Path(__file__).parents[2] / "stream").rglob("*.py"))
#: Whatever these read may run code, or is built by running it.
FORBIDDEN = {
    "cloudpickle",
    "code",
    "dill",
    "importlib",
    "joblib",
    "jsonpickle",
    "marshal",
    "pickle",
    "pickletools",
    "runpy",
    "shelve",
    "yaml",
}
CALLS = {"eval", "exec", "compile", "__import__"}
#: Compiled from our own format tables, once and at import: nothing of a record is in the code. And
#: the commands, by a list of our own, and the broker of the demo, by its name.
ALLOWED = {
    "binary.py": ["importlib"],
    "compiled_decoder.py": ["exec()"],
    "main.py": ["importlib"],
}
#: Reads files of the package, and runs none.
HARMLESS = {"importlib.resources"}
#: numpy reads pickles where this is said.
ARGUMENTS = {"allow_pickle"}


def offences(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found += [f"{node.func.id}()"] if node.func.id in CALLS else []
        elif isinstance(node, ast.keyword) and node.arg in ARGUMENTS:
            found.append(f"{node.arg}=")
    return [
        name
        for name in found
        if name not in HARMLESS and (name.partition(".")[0] in FORBIDDEN or name[-1:] in {")", "="})
    ]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import pickle", ["pickle"]),
        ("import numpy, yaml as y", ["yaml"]),
        ("from marshal import loads", ["marshal"]),
        ("def f():\n    from importlib.util import find_spec", ["importlib.util"]),
        ("exec(row)", ["exec()"]),
        ("numpy.load(f, allow_pickle=True)", ["allow_pickle="]),
        ("import re\nre.compile('x')\nimport codecs", []),
    ],
)
def test_what_is_looked_for_is_found(source: str, expected: list[str]) -> None:
    assert offences(source) == expected


def test_no_module_can_turn_bytes_into_code() -> None:
    assert len(MODULES) > 100
    found = {path.name: names for path in MODULES if (names := offences(path.read_text()))}
    assert found == ALLOWED
