"""The module's thread against an enforcer: pulls, faults, restarts, reports."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

import distillwatch_litellm
from distillwatch_litellm import DistillwatchHandler, Settings
from testlib.decisions import of_accounts, proposal
from testlib.litellm_module import CLOCK_S, in_force, pulled

ACCOUNT = ("account", "acc-1")


class Enforcer:
    """Answers as a test wants it, and keeps what was sent."""

    def __init__(self):
        self.url = ""
        self.asked: list[tuple[str, Any, Any]] = []
        self.answers: list[tuple[int, Any, dict[str, str]]] = []

    def next(self, status=200, body=None, **headers):
        headers = {f"x-distillwatch-{name}": value for name, value in headers.items()}
        self.answers.append((status, body or {"new": None, "deleted": None}, headers))


@pytest.fixture
def enforcer():
    found = Enforcer()
    with serving(found) as found.url:
        yield found


@contextmanager
def serving(enforcer):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("Content-Length") or 0)
            sent = json.loads(self.rfile.read(length)) if length else None
            enforcer.asked.append((self.path, self.headers, sent))
            status, body, headers = enforcer.answers.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Clock:
    now = CLOCK_S

    def __call__(self):
        return self.now


def feed_of(enforcer, clock=None):
    return DistillwatchHandler(Settings(url=enforcer.url), clock or Clock()).feed


def test_everything_first_then_changes_and_everything_again_after_a_fault(enforcer, monkeypatch):
    monkeypatch.setenv("DISTILLWATCH_ENFORCER_TOKEN", " a-token\n")
    feed = feed_of(enforcer)
    enforcer.next(body=pulled(in_force(proposal())))
    assert feed.pull()
    assert list(feed.table.rows) == [ACCOUNT]
    enforcer.next()
    assert feed.pull()
    assert list(feed.table.rows) == [ACCOUNT]
    for status, body in ((503, None), (302, None), (200, b"no JSON"), (200, [1]), (200, {"x": 1})):
        enforcer.next(status=status, body=body)
        assert not feed.pull()
        assert list(feed.table.rows) == [ACCOUNT]
    enforcer.next()
    assert feed.pull()
    assert feed.table.rows == {}
    paths = [path for path, _, _ in enforcer.asked]
    whole, changes = "/v1/decisions/stream?startup=true", "/v1/decisions/stream"
    assert paths == [whole, changes, changes, *[whole] * 5]
    assert {headers["X-Api-Key"] for _, headers, _ in enforcer.asked} == {"a-token"}
    assert len({headers["X-Distillwatch-Client"] for _, headers, _ in enforcer.asked}) == 1
    assert feed.faults.total == 5


def test_an_enforcer_that_knows_the_client_no_longer_sends_everything(enforcer):
    feed = feed_of(enforcer)
    enforcer.next(body=pulled(in_force(of_accounts(3))))
    enforcer.next(body=pulled(in_force(proposal())), whole="1")
    assert feed.pull()
    assert feed.pull()
    assert list(feed.table.rows) == [ACCOUNT]


def test_decisions_are_as_old_as_the_enforcer_makes_them(enforcer):
    clock = Clock()
    feed = feed_of(enforcer, clock)
    assert feed.age_s == float("inf")
    enforcer.next(age="40.0")
    assert feed.pull()
    clock.now += 5
    assert feed.age_s == 45


def test_an_answer_without_end_is_not_read(enforcer, monkeypatch):
    monkeypatch.setattr(distillwatch_litellm, "MOST_BYTES", 1000)
    enforcer.next(body=b" " * 5000)
    assert not feed_of(enforcer).pull()


def test_an_enforcer_that_is_away_changes_nothing(enforcer):
    feed = feed_of(enforcer)
    enforcer.next(body=pulled(in_force(proposal())))
    assert feed.pull()
    gone = DistillwatchHandler(Settings(url="http://127.0.0.1:9"), Clock()).feed
    gone.table = feed.table
    assert not gone.pull()
    assert list(gone.table.rows) == [ACCOUNT]


def test_what_was_done_is_reported_once_and_kept_while_the_enforcer_is_away(enforcer):
    clock = Clock()
    feed = feed_of(enforcer, clock)
    enforcer.next(body=pulled(in_force(proposal())))
    assert feed.pull()
    ((row,),) = feed.table.rows.values()
    feed.count(row, "dropped")
    feed.count(row, "dropped")
    assert not feed.report()
    clock.now += 11
    enforcer.next(status=500)
    assert not feed.report()
    feed.count(row, "dropped")
    enforcer.next(status=201)
    assert feed.report()
    path, _, sent = enforcer.asked[-1]
    assert path == "/v1/usage-metrics"
    (component,) = sent["remediation_components"]
    assert component["type"] == "litellm"
    (metrics,) = component["metrics"]
    assert metrics["meta"]["window_size_seconds"] == 11
    assert metrics["items"] == [
        {
            "name": "dropped",
            "value": 3,
            "unit": "request",
            "labels": {"decision": row.decision, "action": "suspend"},
        }
    ]
    clock.now += 11
    assert not feed.report()


def test_many_counts_are_reported_in_portions(enforcer, monkeypatch):
    monkeypatch.setattr(distillwatch_litellm, "MOST_REPORTED", 2)
    clock = Clock()
    feed = feed_of(enforcer, clock)
    enforcer.next(body=pulled(in_force(proposal())))
    assert feed.pull()
    ((row,),) = feed.table.rows.values()
    for number in range(3):
        feed.count(row._replace(decision=str(number)), "dropped")
    reported = []
    for _ in range(2):
        clock.now += 11
        enforcer.next(status=201)
        assert feed.report()
        (component,) = enforcer.asked[-1][2]["remediation_components"]
        reported.append([one["labels"]["decision"] for one in component["metrics"][0]["items"]])
    assert reported == [["0", "1"], ["2"]]


def test_a_file_of_several_tokens_is_in_no_log(enforcer, monkeypatch, caplog):
    monkeypatch.setenv("DISTILLWATCH_ENFORCER_TOKEN", "first-token\nsecond-token")
    enforcer.next(status=500)
    assert not feed_of(enforcer).pull()
    assert "not up to date" in caplog.text
    assert "-token" not in caplog.text


def test_counts_are_bounded(monkeypatch, enforcer):
    monkeypatch.setattr(distillwatch_litellm, "MOST_COUNTS", 2)
    feed = feed_of(enforcer)
    enforcer.next(body=pulled(in_force(proposal())))
    assert feed.pull()
    ((row,),) = feed.table.rows.values()
    for number in range(9):
        feed.count(row._replace(decision=str(number)), "dropped")
    assert len(feed._counts) == 2


def test_the_thread_pulls_by_itself_and_outlives_faults(enforcer, monkeypatch):
    enforcer.next(status=500)
    enforcer.next(body=pulled(in_force(proposal())))
    rounds = threading.Event()
    waits: list[float] = []

    def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 2:
            rounds.set()
            threading.Event().wait()  # the thread is a daemon: it waits for the end

    forked: list[Any] = []
    monkeypatch.setattr(distillwatch_litellm.time, "sleep", sleep)
    monkeypatch.setattr(
        distillwatch_litellm.os,
        "register_at_fork",
        lambda *, after_in_child: forked.append(after_in_child),
    )
    feed = feed_of(enforcer)
    feed.start()
    assert rounds.wait(10)
    assert list(feed.table.rows) == [ACCOUNT]
    assert waits == [2.0, 2.0]
    enforcer.next()
    rounds.clear()
    waits.clear()
    forked[0]()
    assert rounds.wait(10)
    first, _, after = [headers["X-Distillwatch-Client"] for _, headers, _ in enforcer.asked][:3]
    assert first != after
    assert enforcer.asked[2][0].endswith("?startup=true")
