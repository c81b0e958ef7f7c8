"""The oversight report as a person gets it, from the topics of a real broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kafka import KafkaProducer

from stream.decisions.signature import HEADER
from stream.oversight.published import as_json
from testlib.brokers.one_broker import ON_EMBEDDED
from testlib.decisions import KEY
from testlib.oversight import DAMAGED, RECORDS, reported
from testlib.workers.command import run, settings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(200), ON_EMBEDDED]

PERIOD = ("--from", "2026-03-01", "--to", "2026-04-01T00:00:00Z")


def send(environment: dict[str, str]) -> None:
    """Write the records of the unit tests to the topics, with their times and signatures."""
    producer = KafkaProducer(bootstrap_servers=environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"])
    for topic, record in [*RECORDS, *DAMAGED]:
        producer.send(
            environment[f"DISTILLWATCH_TOPICS_{topic.upper()}"],
            record.value,
            key=record.key,
            headers=[(HEADER, record.signature)] if record.signature else None,
            timestamp_ms=round(record.written_at * 1000),
        )
    producer.flush()
    producer.close()


def test_the_report_of_a_month_is_that_of_its_records(bootstrap: str, tmp_path: Path) -> None:
    environment = settings(bootstrap, decisions_key=KEY, topics_alerts_retention_s=1e9)
    missing = run(environment, "report", *PERIOD)
    assert missing.returncode == 2
    assert missing.stderr.count("\n") == 1
    assert "is missing" in missing.stderr

    assert run(environment, "topics", "create").returncode == 0
    send(environment)
    expected = as_json(reported([*RECORDS, *DAMAGED]))
    for _ in range(2):
        done = run(environment, "report", *PERIOD, "--format", "json")
        assert (done.stdout, done.stderr) == (expected, "")

    page = tmp_path / "report.html"
    assert run(environment, "report", *PERIOD, "--format", "html", "--out", str(page)).stdout == ""
    assert "8,700" in page.read_text()
    table = run(environment, "report", *PERIOD, "--format", "csv").stdout.splitlines()
    assert [line.split(",")[0] for line in table] == ["campaign_id", "cmp_0000000000000001"]

    in_folder = run(
        environment, "report", "--month", "2026-03", "--format", "html", "--out", str(tmp_path)
    )
    assert in_folder.returncode == 0, in_folder.stderr
    assert (tmp_path / "report-2026-03-01.html").read_bytes() == page.read_bytes()

    both = run(environment, "report", *PERIOD, "--month", "last")
    assert (both.returncode, both.stderr.count("\n")) == (2, 1)
    wrong = run(environment, "report", "--from", "2026-04-01", "--to", "2026-03-01")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    nowhere = run(environment, "report", *PERIOD, "--out", str(tmp_path / "no" / "file"))
    assert (nowhere.returncode, nowhere.stderr.count("\n")) == (2, 1)
    assert "cannot be written" in nowhere.stderr
