"""Databases of networks with a real worker: the alerts of a replay with the same files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaConsumer, KafkaProducer

from testlib.brokers.one_broker import ON_EMBEDDED
from testlib.networks import asn, country, database
from testlib.workers.command import run, settings
from testlib.workers.worker import worker

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600), ON_EMBEDDED]

BUILT = "distillwatch_network_database_built_timestamp_seconds"


def moved(line: bytes) -> bytes:
    """Return a request from another of eight networks each time, which eight accounts have."""
    event = json.loads(line)
    group, minute = int(event["account_id"].rpartition("-")[2]) // 8, int(event["timestamp"] // 60)
    return json.dumps(event | {"client_ip": f"100.{64 + group}.{4 * (minute // 4 % 8)}.7"}).encode()


def newest(alerts: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {alert["alert_id"]: alert for alert in alerts}


def networks(alerts: list[dict[str, Any]]) -> set[str]:
    return {link["value"] for a in alerts for link in a["links"] if link["link"] == "network"}


def test_a_worker_raises_the_alerts_of_a_replay_with_the_same_databases(
    bootstrap: str, tmp_path: Path, ring_lines: list[bytes]
) -> None:
    environment = settings(bootstrap, kafka_transactions=False, kafka_compression="none")
    prefixes = {f"100.{64 + i}.{8 * j}.0/21": asn(64500 + i) for i in range(8) for j in range(4)}
    files = {
        "ASN_DATABASE": database(tmp_path / "asn.mmdb", prefixes),
        "COUNTRY_DATABASE": database(tmp_path / "c.mmdb", {"100.64.0.0/10": country("DE")}),
    }
    given = {f"DISTILLWATCH_INTAKE_{name}": str(path) for name, path in files.items()}
    lines = [moved(line) for line in ring_lines]
    (tmp_path / "log.jsonl").write_bytes(b"\n".join(lines))

    def replay(more: dict[str, str]) -> list[dict[str, Any]]:
        out = tmp_path / "alerts.jsonl"
        done = run(environment | more, "replay", str(tmp_path / "log.jsonl"), "--alerts", str(out))
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in out.read_bytes().splitlines()]

    without, expected = replay({}), replay(given)
    assert networks(without)
    assert networks(expected)
    assert networks(expected).isdisjoint(networks(without))  # announced prefixes are wider

    assert run(environment, "topics", "create").returncode == 0
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for line in lines:
        producer.send(environment["DISTILLWATCH_TOPICS_REQUESTS"], line)
    producer.flush()
    producer.close()
    consumer = KafkaConsumer(
        environment["DISTILLWATCH_TOPICS_ALERTS"],
        bootstrap_servers=bootstrap,
        auto_offset_reset="earliest",
    )
    found: list[dict[str, Any]] = []

    def came() -> bool:
        for records in consumer.poll(timeout_ms=200).values():
            found.extend(json.loads(record.value) for record in records)
        return newest(found) == newest(expected)

    with worker(environment | given, tmp_path) as one:
        one.until(came, within_s=120, what="alerts as in the replay")
        assert one.total(BUILT, database="asn") > 1.7e9
        assert one.total("distillwatch_network_lookups_total", database="asn", result="hit") > 0
        assert one.stop() == 0
    consumer.close()
