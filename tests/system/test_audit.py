"""What `make check` makes of the answers of pip-audit, which a stand-in gives here."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

AUDIT = Path(__file__).parents[2] / ".ci" / "audit"
GOOD = {"name": "good", "version": "1", "vulns": []}
BAD = {"name": "bad", "version": "2", "vulns": [{"id": "PYSEC-1"}]}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


def audit(folder: Path, answer: str) -> tuple[int, str]:
    package = folder / "pip_audit"
    package.mkdir()
    (package / "__init__.py").touch()  # without it the installed one comes first
    (package / "__main__.py").write_text(f"print({answer!r})")
    done = subprocess.run(
        [sys.executable, AUDIT],
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("dependencies", "code", "said"),
    [
        ([GOOD, GOOD], 0, "2 packages without a known vulnerability"),
        ([GOOD, UNKNOWN], 0, "not looked up: unknown"),
        ([GOOD, BAD, UNKNOWN], 1, "bad 2: PYSEC-1"),
        ([UNKNOWN, UNKNOWN], 0, "SKIPPED, no vulnerability database answers from here (not found)"),
    ],
)
def test_offline_and_vulnerable_are_told_apart(tmp_path, dependencies, code, said):
    found = audit(tmp_path, json.dumps({"dependencies": dependencies}))
    assert found[0] == code
    assert said in found[1]


def test_no_answer_is_said(tmp_path):
    code, said = audit(tmp_path, "not json")
    assert code == 0
    assert "SKIPPED" in said
