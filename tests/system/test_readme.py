"""What the README names exists: make targets, commands with their options, files, settings."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL))
INLINE = "\n".join(re.findall(r"`([^`\n]+)`", README))
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
    named |= set(re.findall(r"`make ([a-z-]+)", README))
    assert {"demo", "test", "test-kafka"} <= named <= targets


@pytest.mark.parametrize(("command", "arguments"), COMMANDS)
def test_commands_have_the_options_that_are_shown(command, arguments):
    word = arguments.split(maxsplit=1)[0] if arguments.split() else ""  # perhaps a subcommand
    words = [word] if re.fullmatch(r"[a-z][a-z-]*", word) else []
    shown = distillwatch(command, *words, "--help")
    assert [option for option in re.findall(r"--[a-z-]+", arguments) if option not in shown] == []


def test_linked_files_exist():
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_settings_and_variables_exist():
    known = json.loads(distillwatch("settings", "--json"))
    names = {setting["name"] for setting in known}
    variables = {setting["environment"] for setting in known}
    sections = {name.partition(".")[0] for name in names}
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", README))
    assert {name for name in named if name.partition(".")[0] in sections} <= names
    for variable in re.findall(r"DISTILLWATCH_[A-Z_]+", README):
        assert variable.removesuffix("_FILE") in variables


def test_the_settings_file_to_start_from_is_valid():
    assert "gateway.requests" in distillwatch(
        "settings", "--config", str(ROOT / "deploy" / "distillwatch.toml")
    )
