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
OTHER = UNKNOWN | {"name": "other"}


def audit(folder: Path, answer: str, switch: str | None) -> tuple[int, str]:
    package = folder / "pip_audit"
    package.mkdir()
    (package / "__init__.py").touch()  # without it the installed one comes first
    (package / "__main__.py").write_text(f"print({answer!r})")
    environment = {name: value for name, value in os.environ.items() if name != "AUDIT"}
    done = subprocess.run(
        [sys.executable, AUDIT],
        env=environment | {"PYTHONPATH": str(folder)} | ({"AUDIT": switch} if switch else {}),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("dependencies", "switch", "code", "printed"),
    [
        ([GOOD, GOOD], None, 0, "2 packages without a known vulnerability"),
        ([GOOD, GOOD], "offline", 0, "2 packages without a known vulnerability"),
        ([GOOD, BAD, UNKNOWN], None, 1, "bad 2: PYSEC-1"),
        ([GOOD, BAD, UNKNOWN], "offline", 1, "bad 2: PYSEC-1"),
        ([GOOD, UNKNOWN], None, 1, "not looked up: unknown"),
        ([GOOD, UNKNOWN], "offline", 0, "not looked up: unknown"),
        ([UNKNOWN, OTHER], None, 1, "2 of 2 packages could not be looked up: not found"),
        ([UNKNOWN, OTHER], "offline", 0, "NOT AUDITED (AUDIT=offline): 2 of 2 packages"),
    ],
)
def test_only_what_was_looked_up_passes_unless_the_switch_says_offline(
    tmp_path, dependencies, switch, code, printed
):
    found = audit(tmp_path, json.dumps({"dependencies": dependencies}), switch)
    assert found[0] == code
    assert printed in found[1]


@pytest.mark.parametrize("answer", ["not json", "", "{}", '{"dependencies": []}'])
@pytest.mark.parametrize(("switch", "code"), [(None, 1), ("offline", 0)])
def test_an_audit_that_does_not_answer_fails_unless_the_switch_says_offline(
    tmp_path, answer, switch, code
):
    found = audit(tmp_path, answer, switch)
    assert found[0] == code
    assert "all packages could not be looked up" in found[1]


def test_another_value_of_the_switch_is_refused(tmp_path):
    code, printed = audit(tmp_path, json.dumps({"dependencies": [GOOD]}), "off")
    assert code == 1
    assert "AUDIT is off; it may be offline, or not set" in printed


def test_ci_gives_the_switch_for_the_check_alone():
    lines = (AUDIT.parent / "run").read_text().splitlines()
    assert [line for line in lines if "AUDIT" in line] == ["AUDIT=offline make check"]
