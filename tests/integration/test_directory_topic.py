"""The account directory with a real worker: its alerts are those of a replay with the same file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaConsumer, KafkaProducer

from testlib.workers.command import run, settings
from testlib.workers.worker import Worker, worker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

FIELDS = {"payment_id": "payment_id", "account_created_at": "created_at"}
HIT = "distillwatch_directory_lookups_total"


class Place:
    """A broker's topics, a log without what the directory knows, and the directory as a file."""

    def __init__(self, environment: dict[str, str], folder: Path, lines: list[bytes]) -> None:
        self.environment, self.folder = environment, folder
        self.log, self.accounts = folder / "log.jsonl", folder / "accounts.jsonl"
        events = [json.loads(line) for line in lines]
        entries = {
            event["account_id"]: {FIELDS[name]: event.pop(name) for name in FIELDS}
            for event in events
        }
        self.lines = [json.dumps(event).encode() for event in events]
        self.log.write_bytes(b"\n".join(self.lines))
        rows = [json.dumps({"account_id": name} | entry) for name, entry in entries.items()]
        self.accounts.write_text("\n".join(rows))

    def do(self, *arguments: str | Path, code: int = 0) -> str:
        done = run(self.environment, *map(str, arguments))
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    def replay(self, *arguments: str | Path) -> list[dict[str, Any]]:
        out = self.folder / "replayed.jsonl"
        print(self.do("replay", self.log, "--alerts", out, *arguments))
        return [json.loads(line) for line in out.read_bytes().splitlines()]

    def send(self, lines: list[bytes]) -> None:
        bootstrap = self.environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"]
        producer = KafkaProducer(bootstrap_servers=bootstrap)
        for line in lines:
            producer.send(self.environment["DISTILLWATCH_TOPICS_REQUESTS"], line)
        producer.flush()
        producer.close()

    def alerts(self, one: Worker, expected: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return what the worker sent, once all of what is expected came."""
        consumer = KafkaConsumer(
            self.environment["DISTILLWATCH_TOPICS_ALERTS"],
            bootstrap_servers=self.environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"],
            auto_offset_reset="earliest",
        )
        found: list[dict[str, Any]] = []

        def came() -> bool:
            for records in consumer.poll(timeout_ms=200).values():
                found.extend(json.loads(record.value) for record in records)
            return newest(found) == newest(expected)

        try:
            one.until(came, within_s=120, what="alerts as in the replay")
        finally:
            consumer.close()
        return found


def newest(alerts: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {alert["alert_id"]: alert for alert in alerts}


@pytest.fixture
def place(bootstrap: str, broker: str, tmp_path: Path, ring_lines: list[bytes]) -> Place:
    more = {"kafka_transactions": broker == "kafka", "kafka_compression": "none"}
    if broker == "kafka":
        more["kafka_session_timeout_s"] = 6
    found = Place(settings(bootstrap, **more), tmp_path, ring_lines)
    found.do("topics", "create")
    return found


def test_a_worker_raises_the_alerts_of_a_replay_whenever_it_is_killed(
    place: Place, tmp_path: Path
) -> None:
    without = place.replay()
    expected = place.replay("--accounts", place.accounts)
    assert any(link["link"] == "payment" for alert in expected for link in alert["links"])
    assert expected != without  # or it would show nothing

    assert "60 accounts written" in place.do("accounts", "load", place.accounts)
    half = len(place.lines) // 2
    place.send(place.lines[:half])
    with worker(place.environment, tmp_path) as one:
        one.until(
            lambda: (
                one.total("distillwatch_commits_total", result="done") > 0
                and one.total("distillwatch_events_total") > 0
            ),
            what="a commit",
        )
        assert one.total("distillwatch_directory_entries") == 60
        one.kill()
    place.send(place.lines[half:])
    with worker(place.environment, tmp_path) as one:
        place.alerts(one, expected)
        assert one.total(HIT, result="hit") > 0
        assert one.total(HIT, result="miss") == 0
        assert one.total("distillwatch_directory_written_timestamp_seconds") > 1.7e9
        assert one.stop() == 0


def test_a_running_worker_follows_the_topic_and_leaves_out_what_is_no_entry(
    place: Place, tmp_path: Path
) -> None:
    topic = place.environment["DISTILLWATCH_TOPICS_ACCOUNTS"]
    bootstrap = place.environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"]
    entries = "distillwatch_directory_entries"
    with worker(place.environment, tmp_path) as one:
        one.until_ready()
        assert one.total(entries) == 0
        place.do("accounts", "load", place.accounts)
        one.until(lambda: one.total(entries) == 60, what="entries")
        producer = KafkaProducer(bootstrap_servers=bootstrap)
        producer.send(topic, b"{", key=b"account-1")
        producer.send(topic, b"{}", key=b"")  # brokers refuse records without any in such topics
        producer.flush()
        producer.close()
        rejected = "distillwatch_directory_rejected_total"
        one.until(
            lambda: (
                one.total(rejected, reason="not_json") == 1
                and one.total(rejected, reason="missing_field") == 1
            ),
            what="its metric",
        )
        assert f"{topic}[0] at 60 is no entry of the account directory" in one.log
        assert one.total(entries) == 60

        few = tmp_path / "few.csv"
        few.write_text("account_id,plan\naccount-1,gold\nnew,free\n")
        said = place.do("accounts", "load", few, "--replace")
        assert "2 accounts written" in said
        assert "59 accounts removed" in said
        one.until(lambda: one.total(entries) == 2, what="their removal")
        place.do("accounts", "load", few, "--remove")
        one.until(lambda: one.total(entries) == 0, what="the removal of all")
        assert one.stop() == 0


def test_check_says_how_many_of_the_accounts_have_an_entry(place: Place, tmp_path: Path) -> None:
    assert "no account has an entry" in place.do("accounts", "check", place.log, code=1)
    few = tmp_path / "few.csv"
    few.write_text("account_id,plan\naccount-1,gold\naccount-2,free\n")
    place.do("accounts", "load", few)
    place.send(place.lines)
    for source in ([place.log], []):
        said = place.do("accounts", "check", *source)
        assert "60 accounts seen, 2 with an entry (3.3%); 2 entries in the directory" in said
        assert "without: account-0, account-10" in said


def test_with_replace_one_bad_row_writes_nothing(place: Place, tmp_path: Path) -> None:
    few = tmp_path / "few.csv"
    few.write_text("account_id,created_at\naccount-1,soon\naccount-2,2026-01-01\n")
    said = place.do("accounts", "load", few, "--replace", code=2)
    assert f"{few}:2: bad_timestamp" in said
    assert "nothing was written" in said
    assert "no account has an entry" in place.do("accounts", "check", place.log, code=1)
    assert "1 accounts written" in place.do("accounts", "load", few, code=1)
    assert "1 with an entry" in place.do("accounts", "check", place.log)
