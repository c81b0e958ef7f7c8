"""Each command of an installed release as a newcomer types it, with the README alone."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kafka import KafkaConsumer, KafkaProducer

from testlib.ports import free_port
from testlib.until import until

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

TOKEN = "t" * 16
#: The exit code of what could not be tried.
_USAGE: Final = 2
#: The exit code of a command that was ended while it had something to do.
_ABORTED: Final = 130
BY = ("--author", "ana", "--reason", "exercise")
#: Commands that the command line has, in an environment without the tests.
LEAVES = """
from typer.main import get_command
from stream.cli.main import app
def walk(command, path):
    names = getattr(command, "list_commands", None)
    for name in names(None) if names else ():
        walk(command.get_command(None, name), [*path, name])
    if not names:
        print(*path)
walk(get_command(app), [])
"""


@dataclass
class Newcomer:
    """An environment ``place`` with a release, a broker, and what has been typed so far."""

    place: Path
    folder: Path
    bootstrap: str
    #: The log of a gateway, with a campaign that begins after two hours.
    lines: list[bytes]
    tried: set[str] = field(default_factory=set)

    def commands(self) -> set[str]:
        """Return every command of the release, as ``share export``."""
        python = self.place / "bin" / "python"
        done = subprocess.run(
            [python, "-c", LEAVES], cwd=self.folder, capture_output=True, text=True, check=True
        )
        return set(done.stdout.splitlines())

    def send(self) -> None:
        """Have the gateway log to the broker."""
        with KafkaProducer(bootstrap_servers=self.bootstrap) as producer:
            for line in self.lines:
                producer.send("gateway.requests", line)
            producer.flush()

    def run(self, *line: str | Path, **own: object) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, with settings of its ``own``."""
        done = subprocess.run(
            [self._program, *map(str, line)],
            cwd=self.folder,
            env=self._environment(**own),
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert "Traceback" not in done.stderr, (line, done.stderr)
        if done.returncode != _USAGE:
            self._note(line)
        return done

    def type(self, *line: str | Path, code: int = 0, **own: object) -> str:
        """Run a command that ends with ``code``; return its output, or its one line of error."""
        done = self.run(*line, **own)
        assert done.returncode == code, (line, done.stdout[-2000:], done.stderr[-4000:])
        if code:
            assert done.stderr.startswith("distillwatch: "), (line, done.stderr)
            assert done.stderr.count("\n") == 1, (line, done.stderr)
        return done.stderr if code else done.stdout

    def serve(self, name: str, **own: object) -> Service:
        """Start a command that stays, and wait until it is ready."""
        service = self.start(name, **own)
        until(
            service.ready,
            what=f"ready {name}",
            within_s=120,
            check=service.check,
            detail=service.log.read_text,
        )
        return service

    def start(self, name: str, **own: object) -> Service:
        """Start a command that stays."""
        self._note((name,))
        port = free_port()
        environment = self._environment(http_host="127.0.0.1", http_port=port, **own)
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [self._program, name], cwd=self.folder, env=environment, stdout=out, stderr=out
            )
        return Service(process, port, log)

    @property
    def _program(self) -> Path:
        return self.place / "bin" / "distillwatch"

    def _note(self, line: tuple[str | Path, ...]) -> None:
        words = [str(word) for word in line[:2]]
        self.tried |= {words[0], " ".join(words)}

    def _environment(self, **more: object) -> Mapping[str, str]:
        given = {
            "kafka_bootstrap_servers": self.bootstrap,
            "kafka_transactions": "false",
            "topics_partitions": 1,
            "windows_idle_timeout_s": 1,
            "decisions_key": "k" * 32,
            "decisions_mode": "propose",
            "decisions_two_people_above": 0,
            "sharing_key": "s" * 32,
            "sharing_key_id": "group",
            "sharing_operator": "Gateway A",
            "bridge_tokens": TOKEN,
            "enforcer_tokens": TOKEN,
        } | more
        own = {f"DISTILLWATCH_{name.upper()}": str(value) for name, value in given.items()}
        kept = ("PATH", "HOME", "LANG", "TMPDIR")
        return (
            {name: os.environ[name] for name in kept if name in os.environ}
            | own
            | {
                "COLUMNS": "200",
                "TERM": "dumb",
            }
        )


@dataclass
class Service:
    """A command that stays, until :meth:`end`."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def ready(self) -> bool:
        """Return whether it is."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return True
        except OSError:
            return False

    def check(self) -> None:
        """Raise when it has ended."""
        assert self.process.poll() is None, self.log.read_text()

    def end(self, code: int = 0) -> None:
        """End it as an orchestrator does; it exits with ``code``."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == code, self.log.read_text()


def try_files(user: Newcomer) -> None:
    """Try what needs no broker."""
    user.type("settings", "--json")
    user.type("simulate", "--scenario", "demo", "--out", "simulated.jsonl")
    (user.folder / "log.jsonl").write_bytes(b"\n".join(user.lines))
    user.type("replay", "log.jsonl", "--alerts", "alerts.jsonl", "--html", "report.html")
    alerts = (user.folder / "alerts.jsonl").read_text().splitlines()
    kinds = {json.loads(line)["kind"] for line in alerts}
    assert "campaign" in kinds


def try_without_extras(user: Newcomer) -> None:
    """Try what needs an extra that is not installed: one line names it."""
    (user.folder / "log.parquet").write_bytes(b"PAR1")
    for extra, line in {
        "demo": ("demo",),
        "parquet": ("replay", "log.parquet"),
        "share": ("share", "export", "inc_00000000000000000000", "--out", "bundle.json"),
    }.items():
        assert f"pip install 'distillwatch[{extra}]'" in user.type(*line, code=2)


def try_worker(user: Newcomer) -> None:
    """Try what goes on beside a worker, from traffic to what people do about an alert."""
    user.type("topics", "create")
    user.type("topics", "check")
    assert "within 1 s" in user.type("drill", "--timeout", "1", code=1)
    worker = user.serve("worker")
    try:
        user.send()
        alert = _first_alert(user)
        account = alert["account_ids"][0]
        (user.folder / "accounts.csv").write_text(f"account_id,plan\n{account},pro\n")
        user.type("accounts", "load", "accounts.csv")
        user.type("accounts", "check", "log.jsonl")
        user.type("verdict", alert["alert_id"], "true_positive", "--author", "ana")
        shown = user.type("suppress", "add", "--account", "other", "--for", "8h", *BY)
        suppression = re.findall("sup_[0-9a-f]+", shown)[0]
        assert suppression in user.type("suppress", "list")
        user.type("suppress", "remove", suppression, "--author", "ana")
        try_sharing(user, alert)
        user.type("forget", "account-40", "--yes")
    finally:
        worker.end()


def try_sharing(user: Newcomer, alert: dict) -> None:
    """Try what goes to other operators and comes from them."""
    user.type("share", "export", alert["alert_id"], "--out", "bundle.json")
    objects = json.loads((user.folder / "bundle.json").read_text())["objects"]
    (gateway,) = (one["id"] for one in objects if one.get("name") == "Gateway A")
    user.type("share", "import", "bundle.json", "--author", "ana", sharing_operator="Gateway B")
    assert "Gateway A" in user.type("share", "list")
    user.type("share", "withdraw", gateway, "--author", "ana")


def try_decisions(user: Newcomer) -> None:
    """Try what people decide."""
    first, second = (
        re.findall(
            "dec_[0-9a-f]+", user.type("decide", "suspend", "--account", name, "--for", "8h", *BY)
        )[0]
        for name in ("acc-1", "acc-2")
    )
    user.type("approve", first, "--author", "ben")
    user.type("refuse", second, "--author", "ben", "--reason", "exercise")
    assert first in user.type("decisions")
    user.type("decisions", "show", first)
    user.type("explain", first)
    user.type("undo", first, *BY)
    user.type("decisions", "audit", "--verify")
    user.type("decide", "mark", "--account", "acc-3", "--for", "8h", *BY)


def try_services(user: Newcomer) -> None:
    """Try what answers gateways."""
    for name, path, headers in (
        ("enforcer", "authorize", {"x-account": "acc-9", "X-Api-Key": TOKEN}),
        ("bridge", "", {"Authorization": f"Bearer {TOKEN}"}),
    ):
        port = free_port()
        service = user.serve(name, **{f"{name}_port": port})
        try:
            body = None if name == "enforcer" else user.lines[0]
            request = urllib.request.Request(f"http://127.0.0.1:{port}/{path}", body, headers)
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
                assert answer.status == 200
        finally:
            service.end()


def try_oversight(user: Newcomer) -> None:
    """Try what looks back."""
    year = ("--from", "2026-01-01", "--to", "2027-01-01")
    user.type("report", *year, "--format", "html", "--out", "r.html")
    assert "<html" in (user.folder / "r.html").read_text()
    (user.folder / "set.jsonl").write_text('{"text": "An answer of someone else, word by word."}\n')
    user.type("trace", "set.jsonl")  # for the word of the decision to mark


def try_demo(user: Newcomer) -> None:
    """Try the README's first command until it shows its page; a test of its own plays it whole."""
    demo = user.start("demo")
    try:
        until(
            lambda: "http://" in demo.log.read_text(),
            what="page",
            within_s=120,
            check=demo.check,
            detail=demo.log.read_text,
        )
    finally:
        demo.end(_ABORTED)
    assert "Traceback" not in demo.log.read_text()


#: What needs a broker and the extras, in an order in which each has what it needs.
STEPS: Final = (try_worker, try_decisions, try_services, try_oversight, try_demo)


def _first_alert(user: Newcomer) -> dict:
    consumer = KafkaConsumer(
        "distillwatch.alerts", bootstrap_servers=user.bootstrap, auto_offset_reset="earliest"
    )
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            for records in consumer.poll(timeout_ms=500).values():
                for record in records:
                    alert = json.loads(record.value)
                    if alert["kind"] == "campaign":
                        return alert
    finally:
        consumer.close()
    raise AssertionError("no campaign")
