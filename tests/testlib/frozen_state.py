"""State as a version wrote it, in a file: made by a real worker of it, and read by tests.

``python -m testlib.frozen_state OUT [ROOT]``, in tests/: plays the first part of a day to a worker
of the product in ROOT (a working tree of the revision to freeze; default: this one) on an embedded
broker, and writes what its internal topics have then to OUT. A released version is frozen once.
"""

from __future__ import annotations

import asyncio
import lzma
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from stream.core.events import EVENT_COLUMNS
from stream.core.findings import TURN
from stream.core.links import LINK_COLUMNS
from stream.core.packets import Packet
from stream.core.traffic import COUNTS, TRAFFIC
from stream.store.layouts import of_dtype, of_structs
from stream.tools.embedded.broker import EmbeddedBroker
from stream.tools.simulate.population import Crowd, PlantedCampaigns
from stream.tools.simulate.scenario import Scenario
from stream.worker.changelog import CHECKPOINT
from testlib.paths import ROOT
from testlib.workers.command import DISTILLWATCH, worker_environment
from testlib.workers.worker import running

#: Internal topic -> state topic of the task that reads it, by the names of the stages.
TOPICS = {"events": "accounts", "links": "links", "findings": "alerting"}
PREFIX = "distillwatch.internal."
SCENARIO = Scenario(
    id="frozen",
    crowd=Crowd(
        people=20,
        tool_users=6,
        staff=4,
        services=2,
        batches=1,
        evaluations=0,
        pipelines=0,
        migrations=0,
        tutoring=1,
    ),
    planted=PlantedCampaigns(pool=14, after_s=2 * 3600.0),
    span_s=7 * 3600.0,
)
#: This part of the span is played; the rest is kept as it is.
PLAYED_S = 5 * 3600.0
#: Requests that are sent at once, so that packets are small; packets kept before the first needed.
PORTION = 60
BEFORE = 0
#: Requests that are kept for those who go on.
REST = 40


class Frozen(msgspec.Struct, kw_only=True):
    """Records of the topics in order, of each key of a state topic only the latest.

    ``read`` is the number of source records that were read; ``rest`` are those after them.
    """

    state: dict[str, list[tuple[bytes, bytes | None]]]
    packets: dict[str, list[tuple[int, bytes]]]  # by role, with offsets
    alerts: list[bytes]
    source_topic_id: str
    played: list[tuple[str, float]]  # account and time of each request that was read
    rest: list[bytes]
    packet_layout: dict[str, str] = {}


def packet_layout() -> dict[str, str]:
    """Return what packets consist of."""
    columns = {"events": EVENT_COLUMNS, "links": LINK_COLUMNS}
    rows = {name: np.dtype([*schema.items()]) for name, schema in columns.items()}
    rows |= {"turns": TURN, "counts": COUNTS, "traffic": TRAFFIC}
    return {**of_structs(Packet), **{name: of_dtype(row) for name, row in rows.items()}}


def read(file: Path) -> Frozen:
    """Return a frozen state."""
    return msgspec.msgpack.decode(lzma.decompress(file.read_bytes()), type=Frozen)


def compacted(records: list[tuple[bytes, bytes | None]]) -> list[tuple[bytes, bytes | None]]:
    """Return what compaction leaves: the latest record of each key where it is, no deleted ones."""
    last = {key: at for at, (key, row) in enumerate(records) if row is not None}
    last |= {key: -1 for key, row in dict(records).items() if row is None}
    return [record for at, record in enumerate(records) if last[record[0]] == at]


async def _send(bootstrap: str, lines: list[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for first in range(0, len(lines), PORTION):
            for line in lines[first : first + PORTION]:
                await producer.send("gateway.requests", line)
            await producer.flush()
            await asyncio.sleep(1.0)
    finally:
        await producer.stop()


async def _records(bootstrap: str, topic: str) -> list[Any]:
    """Return the records of partition 0; a short silence is its end."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partition = TopicPartition(topic, 0)
        consumer.assign([partition])
        found: list[Any] = []
        while some := await consumer.getmany(timeout_ms=5000):
            found += some[partition]
        return found
    finally:
        await consumer.stop()


async def _dump(bootstrap: str, lines: list[bytes], rest: list[bytes]) -> Frozen:
    packets = {role: await _records(bootstrap, PREFIX + role) for role in TOPICS}
    state = {
        stage: [
            (record.key, record.value)
            for record in await _records(bootstrap, f"{PREFIX}{stage}-state")
        ]
        for stage in TOPICS.values()
    }
    requests = [msgspec.json.decode(line) for line in lines]
    return Frozen(
        state={stage: compacted(records) for stage, records in state.items()},
        packets={
            role: [(record.offset, record.value) for record in records]
            for role, records in packets.items()
        },
        alerts=[record.value for record in await _records(bootstrap, "distillwatch.alerts")],
        source_topic_id=msgspec.msgpack.decode(packets["events"][-1].value)["topic_id"],
        played=[(one["account_id"], one["timestamp"]) for one in requests],
        rest=rest,
    )


def pruned(frozen: Frozen) -> Frozen:
    """Return it with the packets that a successor reads again, and a few before them."""
    packets = {}
    for role, stage in TOPICS.items():
        (checkpoint,) = [row for key, row in frozen.state[stage] if key == CHECKPOINT]
        first = (msgspec.msgpack.decode(checkpoint or b"")["resume_offset"] or 0) - BEFORE
        packets[role] = [packet for packet in frozen.packets[role] if packet[0] >= first]
    return msgspec.structs.replace(frozen, packets=packets)


def freeze(root: Path) -> Frozen:
    """Return the state of a worker of the product in ``root``."""
    every = [*SCENARIO.lines()]
    times = [msgspec.json.decode(line)["timestamp"] for line in every]
    lines = [line for line, at in zip(every, times, strict=True) if at < times[0] + PLAYED_S]
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker() as broker:
        environment = worker_environment(
            broker.bootstrap,
            kafka_transactions="false",
            kafka_commit_interval_s=0.5,
            topics_partitions=1,
            topics_requests_partitions=1,
            windows_idle_timeout_s=1,
        ) | {"PYTHONPATH": str(root)}
        create = [*DISTILLWATCH, "topics", "create"]
        subprocess.run(create, env=environment, check=True, capture_output=True, cwd=folder)
        with running(
            environment, Path(folder, "log"), *DISTILLWATCH, "worker", cwd=folder
        ) as worker:
            worker.until_ready(within_s=300)
            asyncio.run(_send(broker.bootstrap, lines))
            worker.until(
                lambda: worker.total("distillwatch_events_total", result="accepted") >= len(lines),
                within_s=600,
                what="all records read",
            )
            worker.until(
                lambda: worker.total("distillwatch_alerts_total", kind="campaign") > 0,
                within_s=600,
                what="an alert",
            )
            assert worker.stop() == 0, worker.log
        return asyncio.run(_dump(broker.bootstrap, lines, every[len(lines) :][:REST]))


def main(out: str, root: str = str(ROOT)) -> None:
    frozen = pruned(freeze(Path(root)))
    if Path(root) == ROOT:
        frozen = msgspec.structs.replace(frozen, packet_layout=packet_layout())
    content = msgspec.msgpack.encode(frozen)
    Path(out).write_bytes(lzma.compress(content, preset=9))


if __name__ == "__main__":
    main(*sys.argv[1:])
