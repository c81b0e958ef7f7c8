"""The table of faults names tests that exist, and CI runs each of them."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from testlib.collected import START

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
NAMED = re.findall(r"`([\w./]+\.py)::(\w+)`", (TESTS / "README.md").read_text())
FILES = sorted({(TESTS / "integration" / file).resolve() for file, _ in NAMED})
TARGETS = [
    line.split("make ", 1)[1].split()
    for line in (ROOT / ".ci" / "run").read_text().splitlines()
    if re.match(r"(\w+=\w+ )?make ", line)
]


PYTEST = argparse.ArgumentParser()
PYTEST.add_argument("-m", default="")
PYTEST.add_argument("-n")
PYTEST.add_argument("--dist")
PYTEST.add_argument("--no-loadscope-reorder", action="store_true")
PYTEST.add_argument("--ignore", action="append", default=[])
PYTEST.add_argument("paths", nargs="*")


def runs_of(target: str) -> list[argparse.Namespace]:
    """Return the arguments of every run of pytest in the recipe of a target of the Makefile."""
    recipe = subprocess.run(
        ["make", "--dry-run", "--always-make", target],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if "MAKE" not in name},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    runs = [line for line in recipe.splitlines() if "python -m pytest" in line]
    return [PYTEST.parse_args(shlex.split(run)[3:]) for run in runs]


def among(file: Path, places: list[str]) -> bool:
    return any(ROOT / place in (file, *file.parents) for place in places)


def collected() -> list[tuple[Path, str, set[str]]]:
    """Return file, name and marks of every test of the files in the table."""
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "testlib.collected"]
    done = subprocess.run(
        [*collect, *map(str, FILES)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith(START)]
    found = [json.loads(line.removeprefix(START)) for line in lines]
    return [(Path(file), name, set(marks)) for file, name, marks in found]


def runs_it(run: argparse.Namespace, file: Path, marks: set[str]) -> bool:
    chosen = not run.m or Expression.compile(run.m).evaluate(lambda name, /, **_: name in marks)
    return chosen and among(file, run.paths or ["tests"]) and not among(file, run.ignore)


def test_the_table_and_the_runs_are_read():
    assert len(NAMED) > 60
    assert {target for target, *_ in TARGETS} > {"check", "test", "test-kafka"}
    assert all(len(words) == 1 for words in TARGETS), "nothing is left out on the command line"


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_what_proves_a_promise_exists(file, name):
    source = (TESTS / "integration" / file).resolve().read_text()
    assert re.search(rf"^(async )?def {name}\(", source, re.MULTILINE)


@pytest.mark.timeout(600)  # a third of all tests are collected
def test_every_promise_is_proven_in_ci():
    runs = [run for target, *_ in TARGETS for run in runs_of(target)]
    run_there = {
        (file, name)
        for file, name, marks in collected()
        if any(runs_it(run, file, marks) for run in runs)
    }
    promised = {((TESTS / "integration" / file).resolve(), name) for file, name in NAMED}
    assert promised - run_there == set()


@pytest.mark.parametrize("mark", ["kafka", "deploy", "gateways"])
def test_a_mark_is_only_in_folders_that_its_target_runs(mark):
    (run,) = runs_of(f"test-{mark}")
    marked = {
        path: {one for one in ("kafka", "deploy", "gateways") if f"mark.{one}" in text}
        for path in TESTS.rglob("test_*.py")
        if f"mark.{mark}" in (text := path.read_text())
    }
    elsewhere = {path for path in marked if not among(path, run.paths)}
    assert len(marked) > 5
    # Of those with two marks, the other target has to run them.
    assert {path for path in elsewhere if "deploy" not in marked[path] - {mark}} == set()


def test_a_test_that_fails_is_not_run_again():
    text = (ROOT / ".ci" / "run").read_text() + (ROOT / "Makefile").read_text()
    assert not re.search(r"last-failed|--lf|--reruns|\|\|", text)
