"""A real worker among hostile records: the good ones are counted, the others are kept and named."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from stream.core.records import Record
from stream.intake.codec.decoder import Decoder
from stream.kafka.connection import connect
from stream.kafka.topics import state_topic_of
from stream.metrics import Metrics, table
from stream.pipeline.build import accounts_task
from stream.settings import Settings, load
from stream.telemetry.declaration import OPEN
from stream.worker.record_batch import TP
from stream.worker.recovery import recover
from testlib.metrics import total
from testlib.traffic.fuzzing import Fuzzer
from testlib.workers.cluster import Log
from testlib.workers.command import run, settings
from testlib.workers.worker import worker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

GOOD = [f"good-{i}" for i in range(50)]
PER_ACCOUNT = 60
MIB = 2**20
#: Of the worker at its peak: twice what it takes.
MOST_MIB = 450


@dataclass
class Run:
    """What was sent, and what was seen of the worker."""

    values: list[bytes]
    dead: list[Any] = field(default_factory=list)
    counted: Counter[str] = field(default_factory=Counter)
    metrics: str = ""
    peak_mib: float = 0.0
    exit_code: int | None = None
    log: str = ""

    def total(self, name: str, **labels: str) -> float:
        return total(self.metrics, f"distillwatch_{name}", **labels)


def event(account: str, time_s: float, prompt: str) -> bytes:
    fields = {"timestamp": time_s, "account_id": account, "model": "m", "prompt": prompt}
    return msgspec.json.encode(fields)


def records() -> list[bytes]:
    """Good events in time order, later than any hostile one, with these among them."""
    begun = time.time() - 3000
    hostile = list(Fuzzer(seed=7).records(1000))
    hostile[500] = event("large", begun, "x" * 10 * MIB)
    hostile[600] = event("large", begun, "x" * MIB)
    hostile[700] = b"\xff" * 1_100_000
    found = [
        event(account, begun + turn * 20 + i / 100, f"Is it {turn} or {i} that you meant?")
        for turn in range(PER_ACCOUNT)
        for i, account in enumerate(GOOD)
    ]
    for i, value in enumerate(hostile):
        found.insert(4 * i, value)
    # An hour of silence later the last step of the good ones is over.
    return [*found, event("last", time.time(), "")]


@pytest.fixture(scope="module")
def run_(bootstrap: str, broker: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    environment = settings(bootstrap, kafka_transactions=str(broker == "kafka").lower())
    configured = load(None, environment)
    make_requests_topic(configured)
    made = run(environment, "topics", "create")
    assert made.returncode == 0, made.stderr
    result = Run(records())
    asyncio.run(produce(bootstrap, configured.topics.requests, result.values))
    observe(result, environment, tmp_path_factory.mktemp("hostile"))
    result.dead = asyncio.run(read(bootstrap, configured.topics.deadletter))
    result.counted = asyncio.run(counted(configured))
    return result


def make_requests_topic(configured: Settings) -> None:
    """Make it as a gateway's people do whose records are large."""
    asked = {"num_partitions": 1, "replication_factor": 1}
    with connect(configured.kafka) as admin:
        admin.create_topics(
            {configured.topics.requests: asked | {"configs": {"max.message.bytes": "16777216"}}}
        )


async def produce(bootstrap: str, topic: str, values: list[bytes]) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, max_request_size=16 * MIB, linger_ms=20
    ) as producer:
        for future in [await producer.send(topic, value, partition=0) for value in values]:
            await future


def observe(result: Run, environment: dict[str, str], folder: Path) -> None:
    accepted = len(accepted_accounts(result.values))
    with worker(environment, folder) as running:
        running.until(
            lambda: running.total("distillwatch_events_total", result="accepted") >= accepted,
            within_s=120,
            what="all events",
        )
        running.until(
            lambda: (
                running.total("distillwatch_pending_rows", stage="accounts") <= 1
                and running.total("distillwatch_consumer_lag_records") == 0
            ),
            what="closed steps",
        )
        assert running.page("livez")[0] == running.page("readyz")[0] == 200
        result.metrics = running.page("metrics")[1]
        status = Path(f"/proc/{running.process.pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        result.peak_mib = int(peak.split()[1]) / 1024
        result.exit_code = running.stop()
        result.log = running.log


async def read(bootstrap: str, topic: str) -> list[Any]:
    async with AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        found: list[Any] = []
        while fetched := await consumer.getmany(timeout_ms=2000):
            found += [record for some in fetched.values() for record in some]
        return found


async def counted(configured: Settings) -> Counter[str]:
    """Return how many requests of each account the stored windows have counted."""
    tp = TP(state_topic_of(configured.topics, "events"), 0)
    logs = {tp: Log()}
    await recover(logs, configured.kafka)
    task = accounts_task(configured.stages, 0, Metrics())
    task.load(list(logs[tp].rows.items()))
    accounts = task._stage._state.table  # type: ignore[attr-defined]
    sums = accounts["ring_week"][:, 0].sum(axis=1)
    slots = accounts.columns.in_use.tolist()
    return Counter({accounts.name(slot): int(sums[slot]) for slot in slots})


def decoded(values: list[bytes]):
    found = [Record(i, None, value) for i, value in enumerate(values)]
    return Decoder(Settings().intake, Metrics()).decode(found, now_s=time.time())


def accepted_accounts(values: list[bytes]) -> list[str]:
    return [found.account_id for found in decoded(values).events]


@pytest.fixture
def metrics(run_: Run) -> list[tuple[str, dict[str, str]]]:
    return [
        (sample.name, sample.labels)
        for family in text_string_to_metric_families(run_.metrics)
        for sample in family.samples
    ]


def test_the_worker_lives_and_ends_when_told_to(run_: Run) -> None:
    assert run_.exit_code == 0, run_.log
    assert "Traceback" not in run_.log
    assert run_.peak_mib < MOST_MIB


def test_every_good_event_beside_them_is_counted_once(run_: Run) -> None:
    assert {name: run_.counted[name] for name in GOOD} == dict.fromkeys(GOOD, PER_ACCOUNT)


def test_every_record_that_is_no_event_is_a_dead_letter_with_its_bytes_and_its_reason(
    run_: Run,
) -> None:
    expected = {reject.record.offset: reject for reject in decoded(run_.values).rejects}
    found = {}
    for letter in run_.dead:
        headers = {name: value.decode() for name, value in letter.headers}
        found[int(headers["source_offset"])] = headers["reason"]
        original = run_.values[int(headers["source_offset"])]
        assert letter.value == original[:1_000_000]
        whole = len(original) <= 1_000_000
        assert headers.get("original_bytes") == (None if whole else str(len(original)))
    assert len(run_.dead) == len(found)
    assert found == {offset: reject.reason for offset, reject in expected.items()}
    assert sum(len(run_.values[offset]) > 10 * MIB for offset in found) == 1


def test_what_was_sent_is_counted(run_: Run) -> None:
    reasons = Counter(reject.reason for reject in decoded(run_.values).rejects)
    for reason, count in reasons.items():
        assert run_.total("dead_letters_total", reason=reason) == count
    assert run_.total("limit_hits_total", limit="dead_letters") >= 3
    accepted = run_.total("events_total", result="accepted")
    assert accepted == len(accepted_accounts(run_.values))


def test_no_record_makes_a_label_of_its_own(run_: Run, metrics) -> None:
    declared = {metric.name: metric.declared.labels for metric in table()}
    for name, labels in metrics:
        base = next((n for n in (name, name.rpartition("_")[0]) if n in declared), "")
        for label, value in labels.items() if base else ():
            values = declared[base].get(label, OPEN)
            assert label == "le" or values == OPEN or value in values, (name, label, value)
    # Labels from configuration: topics, partitions, tasks, sinks and versions of this one worker.
    assert len(metrics) < 1500
    names = {account for account in run_.counted if len(account) > 3}
    assert [account for account in names if f'"{account}"' in run_.metrics] == []
