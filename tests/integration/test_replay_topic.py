"""Replaying a topic between two times: what arrived then, from every partition, in step."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid

import pytest
from kafka import KafkaProducer

from stream.core.errors import UsageError
from stream.kafka.connection import connect
from stream.kafka.settings import KafkaSettings
from stream.tools.replay.topic import ArrivalSpan, partitions, parts

pytestmark = [pytest.mark.integration, pytest.mark.needs("ends")]

START = 1_772_409_600
PARTITIONS = 3


def made(bootstrap):
    topic = f"replayed-{uuid.uuid4().hex[:8]}"
    with connect(KafkaSettings(bootstrap_servers=bootstrap)) as admin:
        # The records' times lie in the past, which brokers clear away by the minute.
        kept = {"retention.ms": "-1", "message.timestamp.after.max.ms": str(10**15)}
        wanted = {"num_partitions": PARTITIONS, "replication_factor": 1, "configs": kept}
        admin.create_topics({topic: wanted})
        admin.wait_for_topics([topic])
    return topic


@pytest.fixture(scope="module")
def topic(bootstrap):
    """A record a minute for two hours on two of three partitions, the second an hour behind."""
    topic = made(bootstrap)
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for minute in range(120):
        for partition, shift in ((0, 0), (1, 60)):
            at = START + 60 * (minute + shift)
            producer.send(topic, str(at).encode(), partition=partition, timestamp_ms=at * 1000)
    producer.close()
    return topic


def read(bootstrap, topic, since=None, until=None):
    kafka = KafkaSettings(bootstrap_servers=bootstrap)
    found = list(parts(kafka, ArrivalSpan(topic, since, until), partitions(kafka, topic)))
    times = {number: [] for number in range(PARTITIONS)}
    for number, records in found:
        times[number] += [int(record.value) for record in records]
        assert all(record.timestamp_s == int(record.value) for record in records)
    # Every partition ends once, after its last record.
    ends = [number for number, records in found if not records]
    assert sorted(ends) == list(range(PARTITIONS))
    return times


def minutes(first, last):
    return [START + 60 * minute for minute in range(first, last)]


def test_all_of_a_topic(bootstrap, topic):
    assert read(bootstrap, topic) == {0: minutes(0, 120), 1: minutes(60, 180), 2: []}


@pytest.mark.parametrize(
    ("since", "until", "first", "second"),
    [
        (30, None, (30, 120), (60, 180)),
        (None, 90, (0, 90), (60, 90)),
        (90, 91, (90, 91), (90, 91)),
        (130, 150, (0, 0), (130, 150)),
        (500, None, (0, 0), (0, 0)),
        (None, 0, (0, 0), (0, 0)),
    ],
)
def test_from_a_time_until_before_another(bootstrap, topic, since, until, first, second):
    at = [None if minute is None else START + 60.0 * minute for minute in (since, until)]
    assert read(bootstrap, topic, *at) == {0: minutes(*first), 1: minutes(*second), 2: []}


def test_where_nobody_wrote_times_all_of_it_is_read(bootstrap):
    topic = made(bootstrap)
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for number in range(30):
        producer.send(topic, str(number).encode(), partition=number % 2, timestamp_ms=-1)
    producer.close()
    kafka = KafkaSettings(bootstrap_servers=bootstrap)
    found = parts(kafka, ArrivalSpan(topic, START, START + 60), partitions(kafka, topic))
    records = [record for _, some in found for record in some]
    assert sorted(int(record.value) for record in records) == list(range(30))
    assert {record.timestamp_s for record in records} == {None}


def test_no_such_topic(bootstrap):
    with pytest.raises(UsageError, match="nowhere: no such topic"):
        partitions(KafkaSettings(bootstrap_servers=bootstrap), "nowhere")


def test_a_topic_raises_the_alerts_of_the_file_it_was_made_from(bootstrap, tmp_path, ring_lines):
    topic = made(bootstrap)
    producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=50)
    for line in ring_lines:
        event = json.loads(line)
        partition = int(event["account_id"].rpartition("-")[2]) % PARTITIONS
        at = int(event["timestamp"] * 1000)
        producer.send(topic, line, partition=partition, timestamp_ms=at)
    producer.close()
    (tmp_path / "traffic.jsonl").write_bytes(b"\n".join(ring_lines))

    def replay(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "stream.cli.main", "replay", *arguments],
            cwd=tmp_path,
            env={
                "DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
                "PYTHONPATH": ":".join(filter(None, sys.path)),
            },
            capture_output=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    replay("traffic.jsonl", "--alerts", "file.jsonl")
    replay("--topic", topic, "--alerts", "topic.jsonl", "--report", "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["events"] == len(ring_lines)
    alerts = (tmp_path / "file.jsonl").read_bytes()
    assert b'"campaign"' in alerts
    assert (tmp_path / "topic.jsonl").read_bytes() == alerts
    shown = replay("--topic", topic, "--from", "2026-03-02T01:00:00Z", "--explain-format")
    assert b"canonical" in shown
    assert b"2026-03-02T01:00:" in shown
