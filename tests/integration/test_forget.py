"""``distillwatch forget`` on a real broker: traffic, state, then no trace, in the page neither."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaConsumer, KafkaProducer

from stream.settings import Settings, load
from stream.worker.account_search import state_rows
from testlib.brokers.one_broker import ON_KAFKA
from testlib.workers.command import run, settings
from testlib.workers.worker import Worker, worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), ON_KAFKA]

TOKEN = "correct-horse-battery"  # noqa: S105 - of this test
MINUTE_S = 60.0
BY = ("--author", "ana", "--reason", "exercise")
#: Two members of the campaign.
GONE, OTHER = "account-11", "account-12"


class Site:
    """The topics of a deployment, and the commands of its people."""

    def __init__(self, environment: dict[str, str], ring: Callable[..., Iterator[bytes]]) -> None:
        self.environment = environment
        self.ring = ring
        self.settings: Settings = load(
            None, {k: v for k, v in environment.items() if k.startswith("DISTILLWATCH_")}
        )
        self.start = time.time() - 2 * 3600
        self.minute = 0

    def do(self, *arguments: str, code: int = 0) -> str:
        done = run(self.environment, *arguments)
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    def send(self, one: Worker, minutes: int, *, without: str = "") -> None:
        """Send what follows and wait until alerting is through with most of it."""
        values = self.ring(self.start, range(self.minute, self.minute + minutes))
        with KafkaProducer(
            bootstrap_servers=self.settings.kafka.bootstrap_servers, linger_ms=50
        ) as producer:
            for value in values:
                if json.loads(value)["account_id"] != without:
                    producer.send(self.settings.topics.requests, value)
            producer.flush()
        self.minute += minutes
        reached = self.start + (self.minute - 3) * MINUTE_S
        watermark = "distillwatch_watermark_timestamp_seconds"
        one.until(lambda: one.total(watermark, stage="alerting") >= reached, what="progress")

    def rows(self, account: str) -> dict[str, int]:
        return state_rows(self.settings.kafka, self.settings.topics, account)

    def values(self, topic: str) -> list[tuple[bytes, bytes | None]]:
        consumer = KafkaConsumer(
            topic,
            bootstrap_servers=self.settings.kafka.bootstrap_servers,
            auto_offset_reset="earliest",
            consumer_timeout_ms=2000,
        )
        found = [(record.key, record.value) for record in consumer]
        consumer.close()
        return found


def page(one: Worker, path: str) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{one.environment['DISTILLWATCH_HTTP_PORT']}/page/api/{path}",
        headers={"Authorization": f"Bearer {TOKEN}"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - loopback
        return json.load(answer)


@pytest.fixture
def site(bootstrap: str, ring: Callable[..., Iterator[bytes]]) -> Site:
    more = {
        "kafka_session_timeout_s": 6,
        "kafka_compression": "none",
        "topics_partitions": 2,
        "page_token": TOKEN,
        "decisions_key": 32 * "k",
    }
    site = Site(settings(bootstrap, **more), ring)
    site.do("topics", "create")
    return site


def end_decisions_first(site: Site) -> None:
    """While decisions are open about an account it is not forgotten."""
    decision = site.do("decide", "watch", "--account", GONE, "--for", "8h", *BY).split()[0]
    still_open = re.findall("dec_[0-9a-f]{20}", site.do("forget", GONE, "--yes", code=1))
    assert decision in still_open
    assert len(still_open) == 2  # the campaign is proposed
    for name in still_open:
        site.do("undo", name, *BY)
    assert min(site.rows(GONE).values()) > 0


def test_nothing_of_it_is_left_in_state_or_on_the_page(site: Site, tmp_path: Path) -> None:
    entries = tmp_path / "accounts.csv"
    entries.write_text(f"account_id,plan\n{GONE},pro\n{OTHER},pro\n")
    site.do("accounts", "load", str(entries))
    for account in (GONE, OTHER):
        site.do("suppress", "add", "--account", account, "--for", "8h", *BY)
    topics = site.settings.topics
    with worker(site.environment, tmp_path) as one:
        one.until_ready()
        site.send(one, 60)
        one.until(lambda: min(site.rows(GONE).values()) > 0, what="rows of it in every state")
        (incident,) = {key for key, _ in site.values(topics.alerts)}
        detail = f"incidents/{incident.decode()}"
        one.until(lambda: GONE in json.dumps(page(one, detail)), what="it on the page")
        before = site.rows(OTHER)

        end_decisions_first(site)
        shown = site.do("forget", GONE, "--dry-run")
        assert {line.split()[0] for line in shown.splitlines()} >= {*site.rows(GONE), topics.alerts}
        assert min(site.rows(GONE).values()) > 0
        site.do("forget", GONE, code=1)  # no one confirmed

        print(site.do("forget", GONE, "--yes"))
        assert site.rows(GONE) == dict.fromkeys(site.rows(GONE), 0)
        assert site.rows(OTHER) == before
        one.until(lambda: GONE not in json.dumps(page(one, detail)), what="page without it")
        assert OTHER in json.dumps(page(one, detail))
        site.send(one, 10, without=GONE)
        assert one.stop() == 0
    with worker(site.environment, tmp_path) as one:
        one.until_ready()
        one.until(lambda: OTHER in json.dumps(page(one, detail)), what="the page of another worker")
        site.send(one, 10, without=GONE)
        one.until(lambda: len(site.values(topics.alerts)) > 1, what="alerts")
        shown = json.dumps([page(one, "overview"), page(one, detail)])
        assert GONE not in shown
        assert OTHER in shown
        assert page(one, detail)["status"] == "firing"
        assert sum(site.rows(GONE).values()) == 0
        assert site.rows(OTHER).keys() == before.keys()
        assert one.stop() == 0
    last = dict(site.values(topics.suppressions))
    assert [key for key, value in last.items() if value and GONE.encode() in value] == []
    assert [key for key, value in last.items() if value and OTHER.encode() in value] != []
    assert dict(site.values(topics.accounts))[GONE.encode()] is None
    assert site.values(topics.deadletter) == []
    assert GONE not in site.do("suppress", "list")
    print(site.do("decisions", "audit", "--verify"))


def test_what_cannot_be_forgotten_is_one_line(site: Site) -> None:
    for unknown in ("never-seen", "\x1b[2J", "*", "' OR 1=1", "\N{RIGHT-TO-LEFT OVERRIDE}x"):
        error = site.do("forget", unknown, "--yes", code=2)
        assert error == "distillwatch: ACCOUNT: nothing is known of an account with this id\n"
    assert site.do("forget", "", "--yes", code=2).startswith("distillwatch: forget: ")
    assert site.do("forget", 257 * "a", "--yes", code=2).startswith("distillwatch: forget: ")
    assert "--wait" in site.do("forget", "a", "--yes", "--wait", "soon", code=2)
