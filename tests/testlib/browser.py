"""A worker's page in a real browser, with nothing from elsewhere and no problem unnoticed."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe
from kafka import KafkaConsumer, KafkaProducer
from playwright.sync_api import expect

from stream.tools.embedded.broker import EmbeddedBroker
from testlib.workers import command
from testlib.workers.worker import worker as start_worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

TOKEN = "correct-horse-battery"  # noqa: S105 - of these tests
WITHIN_MS = 20_000
expect.set_options(timeout=WITHIN_MS)


@dataclass
class Site:
    """A worker that serves the page, and the topics behind it."""

    bootstrap: str
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['DISTILLWATCH_HTTP_PORT']}/page/"

    def send(
        self,
        *records: tuple[str, bytes],
        topic: str = "ALERTS",
        headers: Callable[[bytes, bytes], list[tuple[str, bytes]]] = lambda *_: [],
    ) -> None:
        name = self.environment[f"DISTILLWATCH_TOPICS_{topic}"]
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, acks="all")
        for key, value in records:
            given = headers(key.encode(), value)
            producer.send(name, value, key=key.encode(), headers=given)
        producer.flush()
        producer.close()

    def verdicts(self, key: str, at_least: int) -> list[dict[str, Any]]:
        """Return what was written of an incident."""
        found: list[dict[str, Any]] = []
        consumer = KafkaConsumer(
            self.environment["DISTILLWATCH_TOPICS_VERDICTS"],
            bootstrap_servers=self.bootstrap,
            auto_offset_reset="earliest",
            group_id=None,
        )
        deadline = time.monotonic() + 30
        while len(found) < at_least:
            assert time.monotonic() < deadline, found
            for records in consumer.poll(500).values():
                found += [json.loads(r.value) for r in records if r.key == key.encode()]
        consumer.close()
        return found


@contextlib.contextmanager
def served(folder: Path, *alerts: tuple[str, bytes], **settings: object) -> Iterator[Site]:
    """Serve the page of a worker with these alerts, on a broker of its own."""
    with EmbeddedBroker() as broker:
        given = {"page_token": TOKEN, "kafka_transactions": "false"} | settings
        environment = command.settings(broker.bootstrap, **given)
        assert command.run(environment, "topics", "create").returncode == 0
        made = Site(broker.bootstrap, environment)
        made.send(*alerts)
        with start_worker(environment, folder) as worker:
            worker.until_ready()
            yield made
            assert worker.stop() == 0, worker.log


@dataclass
class Visits:
    """Opens pages, each in a browser without memory, and notes what goes wrong in them."""

    browser: Browser
    site: Site
    problems: list[str] = field(default_factory=list)

    def open(self, after: str = f"#token={TOKEN}", **options: Any) -> Page:
        page = self.browser.new_context(**options).new_page()
        page.set_default_timeout(WITHIN_MS)
        page.on("console", lambda message: self.problems.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", self._only_own)
        page.goto(self.site.url + after)
        return page

    def _only_own(self, request: Any) -> None:
        if not request.url.startswith(self.site.url):
            self.problems.append(f"requests {request.url}")


def accessible(page: Page) -> None:
    """Hold that axe finds nothing to improve."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
