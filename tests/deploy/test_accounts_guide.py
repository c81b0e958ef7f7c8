"""The guides to the account directory: their commands run, what they name exists."""

import csv
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from stream.cli.describe import describe
from stream.intake.directory.entry import AccountEntry
from stream.metrics import table
from testlib.deployment.promql import problems
from testlib.deployment.rules import RECORDED
from testlib.deployment.runbook import broken_links
from testlib.paths import DEPLOY

ROOT = DEPLOY.parent
PAGE = ROOT / "docs" / "accounts.md"
TEXT, LITELLM = PAGE.read_text(), (DEPLOY / "gateways" / "litellm.md").read_text()
COMMANDS = re.findall(r"^distillwatch (accounts \w+|replay)(.*?)(?:#.*)?$", TEXT, re.MULTILINE)
TOKEN = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"  # noqa: S105 - a hash
CREATED = "2026-03-01T00:00:00"


def distillwatch(*arguments, cwd=ROOT):
    clean = {name: value for name, value in os.environ.items() if "DISTILLWATCH_" not in name}
    return subprocess.run(
        [sys.executable, "-m", "stream.cli.main", *arguments],
        env=clean | {"COLUMNS": "200", "TERM": "dumb", "PYTHONPATH": str(ROOT)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_what_the_page_names_exists():
    assert broken_links(PAGE) == []
    settings = {setting.name for setting in describe()}
    sections = {name.partition(".")[0] for name in settings}
    named = set(re.findall(r"`([a-z]+\.[a-z_]+)`", TEXT))
    assert {name for name in named if name.partition(".")[0] in sections} <= settings
    assert set(re.findall(r"`(distillwatch_\w+)`", TEXT)) <= {metric.name for metric in table()}
    queries = re.findall(r"```promql\n(.*?)```", TEXT, re.DOTALL)
    assert [line for query in queries for line in problems(query, RECORDED)] == []
    fields = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", TEXT, re.MULTILINE))))
    assert fields == set(AccountEntry.__struct_fields__)


@pytest.mark.parametrize(("command", "arguments"), COMMANDS)
def test_commands_have_the_options_that_are_shown(command, arguments):
    shown = distillwatch(*command.split(), "--help").stdout
    assert [option for option in re.findall(r"--[a-z]+", arguments) if option not in shown] == []


def checked(folder: Path, name: str) -> str:
    """Return what is said of a log of the key against a file that a guide made."""
    event = {"timestamp": 1_772_409_600, "account_id": TOKEN, "model": "m"}
    (folder / "log.jsonl").write_text(json.dumps(event))
    done = distillwatch("accounts", "check", "log.jsonl", "--accounts", name, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_query_of_litellm_gives_what_load_reads(tmp_path):
    (query,) = re.findall(
        r'psql "\$DATABASE_URL" --csv -c "(.*?)" > accounts\.csv', LITELLM, re.DOTALL
    )
    database = sqlite3.connect(":memory:")  # the query is plain SQL
    database.execute(
        'CREATE TABLE "LiteLLM_VerificationToken"'
        " (token text, created_at text, team_id text, organization_id text)"
    )
    database.execute(
        'INSERT INTO "LiteLLM_VerificationToken" VALUES (?, ?, ?, NULL)',
        (TOKEN, "2026-03-01 00:00:00.123", "team-1"),
    )
    found = database.execute(query.replace('\\"', '"'))
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([column for column, *_ in found.description])
    writer.writerows(found)
    database.close()
    assert "team-1" in text.getvalue()
    (tmp_path / "accounts.csv").write_text(text.getvalue())
    assert "1 accounts seen, 1 with an entry" in checked(tmp_path, "accounts.csv")


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_pages_of_litellm_give_what_load_reads(tmp_path):
    (loop,) = re.findall(
        r"^(page=1 pages=1\n.*?accounts\.jsonl)$", LITELLM, re.MULTILINE | re.DOTALL
    )
    for number, token in enumerate((TOKEN, "other"), 1):
        key = {"token": token, "created_at": CREATED, "team_id": "team-1", "organization_id": None}
        answer = {"keys": [key], "total_count": 2, "current_page": number, "total_pages": 2}
        (tmp_path / f"answer-{number}").write_text(json.dumps(answer))
    curl = tmp_path / "curl"
    curl.write_text('#!/bin/sh\nfor last; do :; done\ncat "answer-${last##*page=}"\n')
    curl.chmod(0o755)
    subprocess.run(
        ["sh", "-euc", loop],
        cwd=tmp_path,
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "LITELLM_URL": "x",
            "LITELLM_MASTER_KEY": "",
        },
        check=True,
        timeout=30,
    )
    rows = [json.loads(line) for line in (tmp_path / "accounts.jsonl").read_text().splitlines()]
    assert [row["account_id"] for row in rows] == [TOKEN, "other"]
    assert rows[0] == {"account_id": TOKEN, "created_at": CREATED, "organization_id": "team-1"}
    assert "2 entries in the directory" in checked(tmp_path, "accounts.jsonl")
