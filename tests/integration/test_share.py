"""Indicators from one operator to another, as people do it: a campaign there is evidence here."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from kafka import KafkaConsumer, KafkaProducer
from stix2validator import ValidationOptions, validate_string

from testlib.brokers.one_broker import ON_KAFKA
from testlib.sharing import indicator, row
from testlib.taxii import PASSWORD, USER, taxii_server
from testlib.workers.command import run, settings
from testlib.workers.worker import Worker, worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), ON_KAFKA]

KEY = {"sharing_key": "the key of the group", "sharing_key_id": "group-2026"}
TAXII = {"sharing_taxii_user": USER, "sharing_taxii_password": PASSWORD}
#: Accounts of the ring, so few and on so few cards that their campaign takes longer to be found.
FEW = {f"account-{number}" for number in (0, 1, 10, 11, 12, 13, 14, 15)}


class Operator:
    """A deployment of its own on the broker, with its own salt."""

    def __init__(self, bootstrap: str, name: str, **changes: Any) -> None:
        given: dict[str, Any] = KEY | TAXII | {"sharing_operator": name, "intake_salt": name}
        given |= {"kafka_session_timeout_s": 6, "kafka_compression": "none"}
        self.environment = settings(bootstrap, **given | changes)
        self.do("topics", "create")

    def do(self, *arguments: str | Path, code: int = 0) -> str:
        """Run a command; return what it printed."""
        done = run(self.environment, *map(str, arguments))
        assert done.returncode == code, done.stderr
        if code:
            assert done.stderr.count("\n") == 1, done.stderr
        return done.stdout + done.stderr

    def send(self, lines: list[bytes]) -> None:
        producer = KafkaProducer(bootstrap_servers=self._bootstrap)
        for line in lines:
            producer.send(self.environment["DISTILLWATCH_TOPICS_REQUESTS"], line)
        producer.flush()
        producer.close()

    def first_alert(self, one: Worker) -> dict[str, Any]:
        """Return the first alert on a campaign that the worker sends."""
        found = self._records("ALERTS", one.until)
        return next(alert for alert in map(json.loads, found) if alert["kind"] == "campaign")

    def _records(self, topic: str, wait: Callable[..., object]) -> Iterator[bytes]:
        consumer = KafkaConsumer(
            self.environment[f"DISTILLWATCH_TOPICS_{topic}"],
            bootstrap_servers=self._bootstrap,
            auto_offset_reset="earliest",
        )
        found: list[bytes] = []

        def came() -> bool:
            for records in consumer.poll(timeout_ms=200).values():
                found.extend(record.value for record in records)
            return bool(found)

        try:
            wait(came, within_s=120, what=f"a record of {topic}")
        finally:
            consumer.close()
        yield from found

    @property
    def _bootstrap(self) -> str:
        return self.environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"]


def few(lines: list[bytes]) -> list[bytes]:
    """Leave out all of the ring but a few accounts."""
    left_out = {f"account-{number}" for number in range(20)} - FEW
    return [line for line in lines if json.loads(line)["account_id"] not in left_out]


def test_a_campaign_of_one_operator_is_found_earlier_by_another(
    bootstrap: str, tmp_path: Path, ring: Callable[..., Iterator[bytes]]
) -> None:
    start = (time.time() - 6 * 3600) // 60 * 60
    lines = [*ring(start, range(300), attack_from=120)]
    theirs = Operator(bootstrap, "Gateway A")
    theirs.send(lines)
    with worker(theirs.environment, tmp_path) as one:
        incident = theirs.first_alert(one)
        one.until(
            lambda: one.total("distillwatch_shareable_values_total") >= 2, what="shareable values"
        )
        assert one.stop() == 0

    file = tmp_path / "campaign.json"
    printed = theirs.do("share", "export", incident["alert_id"], "--out", file)
    assert "1 campaigns, 2 indicators, TLP:AMBER" in printed
    text = file.read_text()
    assert validate_string(text, ValidationOptions(version="2.1")).is_valid
    assert not [name for name in incident["account_ids"] if name in text]
    theirs.do("share", "export", incident["campaign_id"], "--out", file)
    assert file.read_text() == text

    ours = Operator(bootstrap, "Gateway B")
    some = few(lines)
    ours.send(some)
    (tmp_path / "few.jsonl").write_bytes(b"\n".join(some))
    alone = tmp_path / "alone.jsonl"
    ours.do("replay", tmp_path / "few.jsonl", "--alerts", alone)
    without = json.loads(alone.read_text().splitlines()[0])

    with taxii_server() as server:
        day = ("--from", str(start), "--to", str(start + 86_400))
        theirs.do("share", "export", *day, "--taxii", server.url, "--tlp", "amber+strict")
        imported = ours.do("share", "import", "--taxii", server.url)
        assert "2 indicators imported, 0 revoked (from Gateway A)" in imported
    assert "not imported: 2 known" in ours.do("share", "import", file)
    listed = ours.do("share", "list")
    assert listed.count("in force  Gateway A") == 2

    with worker(ours.environment, tmp_path) as one:
        alert = ours.first_alert(one)
        assert alert["detected_at"] < without["detected_at"]
        assert "foreign_indicators" in {evidence["feature"] for evidence in alert["evidence"]}
        assert one.total("distillwatch_foreign_indicators") == 2
        assert one.total("distillwatch_indicator_matches_total") > 0

        identity = json.loads(text)["objects"]
        (source,) = {o["id"] for o in identity if o.get("name") == "Gateway A"}
        assert "2 indicators withdrawn" in ours.do("share", "withdraw", source)
        one.until(lambda: one.total("distillwatch_foreign_indicators") == 0, what="withdrawal")
        assert one.stop() == 0
    again = ours.do("share", "import", file)
    assert "0 indicators imported, 0 revoked; not imported: 2 that you have withdrawn" in again

    other_group = Operator(bootstrap, "Gateway C", sharing_key_id="another")
    assert "2 under another key (group-2026)" in other_group.do("share", "import", file)


def test_an_import_removes_what_ended_long_ago(bootstrap: str, tmp_path: Path) -> None:
    ours = Operator(bootstrap, "Gateway B")
    ends = {"1": 10.0, "2": 10.0, "3": time.time() + 3600}
    reports = [indicator(digit * 16, valid_until=end) for digit, end in ends.items()]
    reports[1] = msgspec.structs.replace(reports[1], withdrawn="person")
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for key, value in map(row, reports):
        producer.send(ours.environment["DISTILLWATCH_TOPICS_INDICATORS"], value, key=key)
    producer.close()
    bundle = tmp_path / "bundle.json"
    bundle.write_text('{"type": "bundle", "objects": []}')
    for _ in range(2):
        assert "0 indicators imported" in ours.do("share", "import", bundle)
        listed = ours.do("share", "list")
        assert [one.key in listed for one in reports] == [False, True, True]


def test_what_cannot_be_done_is_one_line(bootstrap: str, tmp_path: Path) -> None:
    ours = Operator(bootstrap, "Gateway B")
    bad = tmp_path / "bad.json"
    for content in (b"", b"[]", b'{"objects": ' + b"[" * 99_999, b"\xff"):
        bad.write_bytes(content)
        assert str(bad) in ours.do("share", "import", bad, code=2)
    assert "cannot be read" in ours.do("share", "import", tmp_path / "none.json", code=2)
    assert "no such campaign" in ours.do("share", "export", "inc_" + "0" * 20, code=2)
    assert "expected either" in ours.do("share", "export", code=2)
    assert "--tlp" in ours.do("share", "export", "cmp_x", "--tlp", "white", code=2)
    assert "no such indicator" in ours.do("share", "withdraw", "indicator--x", code=2)
    assert "https" in ours.do("share", "import", "--taxii", "http://example.org/", code=2)
    none = Operator(bootstrap, "", sharing_key="", sharing_key_id="")
    assert "sharing.operator" in none.do("share", "export", "cmp_x", code=2)
    assert "sharing.key" in none.do("share", "import", bad, code=2)
