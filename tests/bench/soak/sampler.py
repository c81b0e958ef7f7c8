"""Measures workers, brokers and topics every few seconds from a thread, and writes each sample."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client.parser import text_string_to_metric_families

from soak import series
from soak.lag import LagClock
from stream.kafka.topics import STATE_TOPICS, topic_of, wanted

if TYPE_CHECKING:
    from soak.rig import Lived, Rig
    from soak.traffic import Traffic

EVERY_S: Final = 10.0
#: Twice the lag that is allowed. Beyond it the traffic waits: records would be deleted unread, as
#: retention is 300 times shorter, and only for want of a processor.
HOLD_S: Final = 120.0
#: Sizes change slowly, and a walk over all files costs.
_SIZES_EVERY: Final = 6
_ANSWER_WITHIN_S: Final = 15.0
#: Metrics of a worker that a sample has, summed over their labels; of the last two the largest.
_SUMMED: Final = (
    "accounts_tracked",
    "state_bytes",
    "indicators_tracked",
    "pending_rows",
    "events_total",
    "late_rows_total",
    "records_lost_total",
    "dead_letters_total",
    "early_firings_total",
    "partitions_fenced_total",
    "rebalances_total",
)
_LARGEST: Final = ("consumer_lag_seconds", "broker_silence_seconds")
_PREFIX: Final = "distillwatch_"


class Sampler:
    """Runs until it is stopped; what cannot be measured now is left out of the sample."""

    def __init__(self, rig: Rig, traffic: Traffic, folder: Path, began: float) -> None:
        """``began``: time.monotonic() when the traffic begins."""
        self._rig = rig
        self._traffic = traffic
        self._folder = folder
        self._began = began
        self._clock = LagClock()
        self._ends: dict[str, int] = {}
        self._committed: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        self._count = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="sampler")
        self.last: series.Sample | None = None
        self.failure: BaseException | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._thread.start()

    def stop(self) -> None:
        """Wait for the last sample."""
        self._over.set()
        self._thread.join()

    async def _run(self) -> None:
        settings = self._rig.settings
        consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka.bootstrap_servers, auto_offset_reset="earliest"
        )
        admin = AIOKafkaAdminClient(
            bootstrap_servers=settings.kafka.bootstrap_servers,
            request_timeout_ms=int(_ANSWER_WITHIN_S * 1000),
        )
        await consumer.start()
        await admin.start()
        consumer.assign([TopicPartition(settings.topics.alerts, 0)])
        try:
            while not self._over.is_set():
                due = time.monotonic() + EVERY_S
                await self._alerts(consumer)
                try:
                    await self._sample(consumer, admin)
                except Exception as error:  # noqa: BLE001 - a sample less, and no end of them
                    self._note(error)
                await asyncio.to_thread(self._over.wait, max(0.0, due - time.monotonic()))
            await self._alerts(consumer)
        finally:
            await consumer.stop()
            await admin.close()

    async def _alerts(self, consumer: AIOKafkaConsumer) -> None:
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                for records in (await consumer.getmany(timeout_ms=300)).values():
                    with (self._folder / "alerts.jsonl").open("ab") as file:
                        file.writelines((record.value or b"") + b"\n" for record in records)
        except Exception as error:  # noqa: BLE001 - brokers are being restarted
            self._note(error)

    async def _sample(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        answered = await self._offsets(consumer, admin)
        now = time.monotonic() - self._began
        behind: Counter[str] = Counter()
        for partition, end in self._ends.items():
            topic = partition.rpartition("/")[0]
            behind[topic] += max(0, end - self._committed.get(partition, 0))
        lives = await asyncio.gather(
            *(asyncio.to_thread(_life, lived) for lived in list(self._rig.slots))
        )
        if self._count % _SIZES_EVERY == 0:
            self._sizes = await asyncio.to_thread(self._topics)
        self._count += 1
        sample = series.Sample(
            at_s=now,
            event_s=self._traffic.event_s,
            sent=self._traffic.sent,
            workers=[life for life in lives if life is not None],
            behind=dict(behind),
            lag_s=self._clock.look(now, self._ends, self._committed),
            committed=sum(self._committed.values()) if answered else None,
            topics=self._sizes,
            held_s=self._traffic.held_s,
            load=os.getloadavg()[0],
            brokers_cpu_s={
                str(node.number): _cpu_s(node.process.pid)
                for node in self._rig.kafka.brokers
                if node.process
            },
            brokers_rss=sum(
                _rss(node.process.pid) for node in self._rig.kafka.brokers if node.process
            ),
        )
        self.last = sample
        if (sample.lag_s or 0.0) > HOLD_S:
            self._traffic.held.set()
        else:
            self._traffic.held.clear()
        series.append(self._folder / "samples.jsonl", sample)
        series.write(self._folder / "sent.json", dict(self._traffic.days))

    async def _offsets(self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> bool:
        """Read ends and commits; False: the brokers did not answer, and the last ones stay."""
        settings = self._rig.settings
        topics = settings.topics
        names = [topics.requests, *(topic_of(topics, role) for role in STATE_TOPICS)]
        count = {one.name: one.partitions for one in wanted(topics)}
        tps = [TopicPartition(name, i) for name in names for i in range(count[name])]
        try:
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                found = await admin.list_consumer_group_offsets(settings.kafka.app_id)
                ends = await consumer.end_offsets(tps)
        except Exception as error:  # noqa: BLE001 - brokers are being restarted
            self._note(error)
            return False
        self._committed = {f"{tp.topic}/{tp.partition}": at.offset for tp, at in found.items()}
        self._ends = {f"{tp.topic}/{tp.partition}": end for tp, end in ends.items()}
        return True

    def _note(self, error: BaseException) -> None:
        with (self._folder / "sampler.log").open("a") as file:
            file.write(f"{time.monotonic() - self._began:.0f} {type(error).__name__}: {error}\n")

    def _topics(self) -> dict[str, int]:
        """Return topic -> bytes of the files of its partitions, on all brokers."""
        sizes: Counter[str] = Counter()
        for node in self._rig.kafka.brokers:
            for partition in (node.folder / "data").glob("*-*"):
                name = partition.name.rpartition("-")[0]
                if partition.is_dir() and not name.endswith("-delete"):
                    sizes[name] += _bytes(partition)
        return dict(sizes)


def _bytes(folder: Path) -> int:
    total = 0
    for file in folder.glob("*.log"):
        try:
            total += file.stat().st_size
        except OSError:  # deleted meanwhile
            continue
    return total


def _rss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS")), 0)


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _life(lived: Lived) -> series.Life | None:
    process = lived.process
    pid = process.process.pid
    try:
        files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
        cpu_s = process.cpu_s()
        rss = _rss(pid)
    except (OSError, IndexError):
        return None
    if not rss:
        return None
    status, _ = process.page("readyz")
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(process.page("metrics")[1]):
        for sample in family.samples:
            name = sample.name.removeprefix(_PREFIX)
            if name in _SUMMED:
                found[name] = found.get(name, 0.0) + sample.value
            elif name in _LARGEST:
                found[name] = max(found.get(name, 0.0), sample.value)
    return series.Life(
        lived.number,
        lived.worker,
        pid,
        time.monotonic() - process.started,
        rss,
        files,
        threads,
        cpu_s,
        status == 200,
        found,
    )
