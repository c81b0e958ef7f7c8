"""What people say reaches a real worker through its topics, by the commands, and lasts."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaConsumer, KafkaProducer

from testlib.workers.command import run, settings
from testlib.workers.worker import Worker, worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

#: How soon a verdict has to show.
PROMPT_S = 60.0
MINUTE_S = 60.0


class Story:
    """A worker, what is sent to it and what it says."""

    def __init__(self, environment: dict[str, str], ring: Callable[..., Iterator[bytes]]) -> None:
        self.environment = environment
        self.ring = ring
        bootstrap = environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"]
        self.topic = environment["DISTILLWATCH_TOPICS_REQUESTS"]
        self.producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=50)
        self.consumer = KafkaConsumer(
            environment["DISTILLWATCH_TOPICS_ALERTS"],
            environment["DISTILLWATCH_TOPICS_DEADLETTER"],
            bootstrap_servers=bootstrap,
            auto_offset_reset="earliest",
        )
        self.alerts: list[dict[str, Any]] = []
        self.dead: list[str] = []
        self.start = time.time() - 2 * 3600  # in the time of events
        self.minute = 0

    def send(self, minutes: int) -> None:
        for value in self.ring(self.start, range(self.minute, self.minute + minutes)):
            self.producer.send(self.topic, value)
        self.producer.flush()
        self.minute += minutes

    def do(self, *arguments: str) -> str:
        done = run(self.environment, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def read(self) -> None:
        for records in self.consumer.poll(timeout_ms=200).values():
            for record in records:
                if record.topic == self.environment["DISTILLWATCH_TOPICS_ALERTS"]:
                    self.alerts.append(json.loads(record.value))
                else:
                    self.dead.append(dict(record.headers)["reason"].decode())

    def until_more(self, one: Worker, seen: int, what: str) -> None:
        """Read until there are more alerts than ``seen``."""

        def came() -> bool:
            self.read()
            return len(self.alerts) > seen

        one.until(came, within_s=PROMPT_S, what=what)

    def expect(
        self, one: Worker, status: str, holds: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> dict[str, Any]:
        """Return the next campaign alert, which has to be this."""
        seen = len(self.alerts)
        self.until_more(one, seen, f"alert that is {status}")
        alert = self.alerts[seen]
        assert (alert["kind"], alert["status"]) == ("campaign", status), alert
        assert holds(alert), alert
        return alert

    def pass_on(self, one: Worker, minutes: int) -> None:
        """Send what follows and wait until alerting is through with it."""
        self.send(minutes)
        reached = self.start + (self.minute - 3) * MINUTE_S
        one.until(
            lambda: (
                one.total("distillwatch_watermark_timestamp_seconds", stage="alerting") >= reached
            ),
            within_s=PROMPT_S,
            what="progress",
        )
        self.read()

    def close(self) -> None:
        self.producer.close()
        self.consumer.close()


@pytest.fixture
def story(bootstrap: str, broker: str, ring: Callable[..., Iterator[bytes]]) -> Iterator[Story]:
    more = {"kafka_transactions": broker == "kafka", "kafka_compression": "none"}
    if broker == "kafka":
        more["kafka_session_timeout_s"] = 6
    story = Story(settings(bootstrap, **more), ring)
    story.do("topics", "create")
    yield story
    story.close()


def test_a_verdict_silences_until_it_is_withdrawn_and_a_suppression_until_it_ends(
    story: Story, tmp_path: Path
) -> None:
    with worker(story.environment, tmp_path) as one:
        one.until_ready()
        story.pass_on(one, 60)
        story.until_more(one, 0, "alert")
        fired = story.alerts[-1]  # it may have grown meanwhile, and have been told again
        assert (fired["kind"], fired["status"]) == ("campaign", "firing")
        name = fired["alert_id"]

        story.do("verdict", name, "false_positive", "--author", "ana", "--note", "our load test")
        over = story.expect(one, "resolved")
        print(f"told {time.time() - over['verdict']['time']:.1f} s after it was judged")
        assert over["alert_id"] == name
        assert over["verdict"]["author"] == "ana"
        assert "our load test" in over["summary"]
        story.pass_on(one, 15)
        assert one.stop() == 0
    with worker(story.environment, tmp_path) as one:  # it lasts beyond the worker
        one.until_ready()
        story.pass_on(one, 15)
        assert story.alerts[-1] == over

        story.do("verdict", name, "withdrawn", "--author", "bo")
        again = story.expect(one, "firing", lambda alert: alert["alert_id"] == name)
        assert again["verdict"]["verdict"] == "withdrawn"

        said = ("--author", "bo", "--reason", "exercise")
        made = story.do("suppress", "add", "--pattern", "account-*", "--for", "1m", *said)
        made_at = time.time()
        assert made in story.do("suppress", "list")
        hidden = story.expect(one, "resolved")
        assert made.split()[0] in hidden["summary"]
        active = "distillwatch_suppressions_active"
        one.until(
            lambda: one.total(active, matcher="pattern") == 1, within_s=PROMPT_S, what="its metric"
        )
        story.pass_on(one, 5)
        assert story.alerts[-1] == hidden
        past = made_at + 4 * MINUTE_S - story.start  # its end, in the time of events
        story.send(int(past / MINUTE_S) - story.minute)
        story.expect(one, "firing", lambda alert: alert["alert_id"] == name)
        one.until(lambda: one.total(active) == 0, within_s=PROMPT_S, what="end of it in metrics")


def test_what_is_no_verdict_is_a_dead_letter_and_an_unknown_alert_is_counted(
    story: Story, tmp_path: Path
) -> None:
    unknown = {"alert_id": "inc_" + 20 * "0", "verdict": "benign", "author": "a", "time": 1.0}
    topics = ("VERDICTS", "SUPPRESSIONS")
    for value in (b"no json", json.dumps(unknown).encode(), json.dumps({"verdict": "?"}).encode()):
        for topic in topics:
            name = story.environment[f"DISTILLWATCH_TOPICS_{topic}"]
            story.producer.send(name, value, key=b"key")  # compacted topics want one
    story.producer.flush()
    with worker(story.environment, tmp_path) as one:
        one.until_ready()
        one.until(
            lambda: one.total("distillwatch_verdicts_total", result="unknown") == 1,
            what="the verdict",
        )

        def five_are_dead() -> bool:
            story.read()
            return len(story.dead) == 5

        one.until(five_are_dead, what="dead letters")
        assert sorted(story.dead) == ["missing_field"] * 2 + ["not_json"] * 2 + ["out_of_range"]
        assert one.stop() == 0
