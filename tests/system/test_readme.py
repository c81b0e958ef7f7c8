"""What the README and the documents name exists: make targets, commands, files, settings."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
#: Read by people who run or change the product; deploy/ has tests of its own (tests/deploy).
DOCUMENTS = [
    README, *sorted((ROOT / "docs").glob("*.md")), ROOT / "CONTRIBUTING.md",
    ROOT / "deploy" / "gateways" / "README.md",
]  # fmt: skip
TEXT = "\n".join(path.read_text() for path in DOCUMENTS)
BLOCKS = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
INLINE = "\n".join(re.findall(r"`([^`\n]+)`", TEXT))
SHOWN = re.findall(r"^distillwatch ([a-z-]+)(.*?)(?:#.*)?$", f"{BLOCKS}\n{INLINE}", re.MULTILINE)
COMMANDS = list(dict.fromkeys((command, arguments.strip()) for command, arguments in SHOWN))


def distillwatch(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "stream.cli.main", *arguments],
        cwd=ROOT,
        env={"COLUMNS": "200", "PATH": "/usr/bin:/bin", "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def test_make_targets_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z-]+)", BLOCKS))
    named |= set(re.findall(r"`make ([a-z-]+)", TEXT))
    assert {"demo", "test", "test-kafka"} <= named <= targets


@pytest.mark.parametrize(("command", "arguments"), COMMANDS)
def test_commands_have_the_options_that_are_shown(command, arguments):
    word = arguments.split(maxsplit=1)[0] if arguments.split() else ""  # perhaps a subcommand
    words = [word] if re.fullmatch(r"[a-z][a-z-]*", word) else []
    shown = distillwatch(command, *words, "--help")
    assert [option for option in re.findall(r"--[a-z-]+", arguments) if option not in shown] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_linked_files_exist(path):
    links = re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_readme_is_short_enough_to_be_read_to_the_end():
    assert len(README.read_bytes()) <= 7.5 * 1024
    assert len(re.findall(r"\]\((?:docs|deploy)/", README.read_text())) > 5


def test_settings_and_variables_exist():
    known = json.loads(distillwatch("settings", "--json"))
    names = {setting["name"] for setting in known}
    variables = {setting["environment"] for setting in known}
    sections = {name.partition(".")[0] for name in names}
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", TEXT))
    assert {name for name in named if name.partition(".")[0] in sections} <= names
    for variable in re.findall(r"DISTILLWATCH_[A-Z_]+", TEXT):
        assert variable.removesuffix("_FILE") in variables


def test_the_settings_file_to_start_from_is_valid():
    assert "gateway.requests" in distillwatch(
        "settings", "--config", str(ROOT / "deploy" / "distillwatch.toml")
    )
