"""Runs one drill: plants the campaign until its alert comes, then waits for all that follows it."""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from stream.core.errors import BrokerError, TopicError, UsageError
from stream.kafka.connection import client_options, connect, keep_trying
from stream.kafka.topics import describe, missing
from stream.tools.drill.campaign import Campaign
from stream.tools.drill.drill_response import DrillResponse
from stream.tools.drill.receivers import Receiver, receivers
from stream.tools.drill.report import DrillReport, SinkReport
from stream.tools.drill.watch import Groups, Seen, Watch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kafka import KafkaAdminClient

    from stream.settings import Settings
    from stream.tools.drill.report import SinkResult

#: Between two requests of an account.
_ROUND_S: Final = 5.0
#: Between two questions for offsets.
_POLL_S: Final = 1.0
#: The exit code of a process that SIGTERM has ended.
_TERMINATED: Final = 128 + signal.SIGTERM


@dataclass
class Drill:
    """One run; ``on_progress`` is called with the seconds so far and the awaited step."""

    settings: Settings
    accounts: int
    timeout_s: float
    on_progress: Callable[[float, str], None]
    #: Addresses of enforcers that have to have the decision; None: the drill ends with the alert.
    enforcers: tuple[str, ...] | None = None
    _id: str = field(default_factory=lambda: secrets.token_hex(4))
    _seen: Seen = field(default_factory=Seen)
    _read: int = 0
    _alert_s: float = 0.0
    _results: dict[str, tuple[SinkResult, float]] = field(default_factory=dict)
    _response: DrillResponse | None = None

    def run(self) -> DrillReport:
        """Run to the end; raises BrokerError when Kafka fails, TopicError when a topic is not."""
        least = self.settings.campaigns.min_members
        if self.accounts < least:
            raise UsageError(f"--accounts: expected at least {least} (campaigns.min_members)")
        partitions = keep_trying(self.settings.kafka, self._partitions)
        with connect(self.settings.kafka) as admin:
            try:
                return asyncio.run(self._run(partitions, admin))
            except asyncio.CancelledError:
                raise SystemExit(_TERMINATED) from None
            except KafkaError as error:
                raise BrokerError(f"the drill stops: {type(error).__name__} {error}") from error

    def _partitions(self, admin: KafkaAdminClient) -> dict[str, int]:
        topics = self.settings.topics
        names = [topics.requests, topics.alerts, topics.deadletter]
        if self.enforcers is not None:
            names.append(topics.decisions)
        found = {name: one.partitions for name, one in describe(admin, names).items()}
        for name in names:
            if name not in found:
                raise TopicError(missing(name))
        return found

    async def _run(self, partitions: dict[str, int], admin: KafkaAdminClient) -> DrillReport:
        options = client_options(self.settings.kafka)
        async with AsyncExitStack() as stack:
            producer = await stack.enter_async_context(AIOKafkaProducer(**options, acks="all"))
            consumer = await stack.enter_async_context(
                AIOKafkaConsumer(**options, enable_auto_commit=False, auto_offset_reset="earliest")
            )
            before = await self._ends(consumer, partitions)
            salt = self.settings.intake.salt.reveal().encode()
            campaign = Campaign(self._id, self.accounts, salt=salt, started_s=time.time())
            watch = Watch(self.settings, campaign.accounts, self._seen)
            await watch.start(consumer, partitions)
            if self.enforcers is not None:
                await self._respond(stack, campaign, self.enforcers)
            plant = partial(
                self._plant, producer, campaign, partitions[self.settings.topics.requests]
            )
            seconds = await self._wait(plant, partial(watch.look, consumer), admin)
            after = await self._ends(consumer, partitions)
        return self._report(seconds, sum(after.values()) - sum(before.values()))

    async def _respond(
        self, stack: AsyncExitStack, campaign: Campaign, enforcers: tuple[str, ...]
    ) -> None:
        """Respond in the background; what ends the drill ends its decisions, too."""
        if (task := asyncio.current_task()) is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        self._response = await stack.enter_async_context(
            DrillResponse(self.settings, campaign.accounts, enforcers=enforcers)
        )

    async def _wait(
        self,
        plant: Callable[[], Awaitable[None]],
        look: Callable[[], Awaitable[None]],
        admin: KafkaAdminClient,
    ) -> float:
        """Plant and look until all is known; return the seconds that it took."""
        groups, sinks = Groups(self.settings, admin), receivers(self.settings)
        started = time.monotonic()
        next_round = next_poll = 0.0
        while True:
            now_s = time.monotonic() - started
            if self._is_over(now_s, sinks):
                self._read = await groups.read(self._seen)
                return now_s
            if self._seen.alert is None and now_s >= next_round:
                next_round = now_s + _ROUND_S
                await plant()
            await look()
            if self._seen.alert is not None and not self._alert_s:
                self._alert_s = time.monotonic() - started
                if self._response is not None:
                    self._response.begin()
            if now_s >= next_poll:
                next_poll = now_s + _POLL_S
                self._read = await groups.read(self._seen)
                await self._poll(groups, sinks, time.monotonic() - started)
                self.on_progress(now_s, self._state(sinks))

    def _is_over(self, now_s: float, sinks: tuple[Receiver, ...]) -> bool:
        known = self._seen.alert is not None and len(self._results) == len(sinks)
        known = known and (self._response is None or self._response.is_over)
        return known or bool(self._seen.dead_letters) or now_s >= self.timeout_s

    async def _plant(self, producer: AIOKafkaProducer, campaign: Campaign, partitions: int) -> None:
        """Write one request of each account, to all partitions in turn."""
        topic, before = self.settings.topics.requests, self._requests
        sent = [
            await producer.send(
                topic, record.value, partition=number % partitions, headers=record.headers
            )
            for number, record in enumerate(campaign.round(time.time()), start=before)
        ]
        for written in await asyncio.gather(*sent):
            self._seen.sent.setdefault(written.partition, []).append(written.offset)

    async def _poll(self, groups: Groups, sinks: tuple[Receiver, ...], now_s: float) -> None:
        open_ = [sink for sink in sinks if sink.name not in self._results]
        found = await groups.results([sink.group for sink in open_], self._seen)
        for sink in open_:
            if (result := found.get(sink.group)) is not None:
                self._results[sink.name] = result, max(now_s - self._alert_s, 0.0)

    def _state(self, sinks: tuple[Receiver, ...]) -> str:
        if self._seen.alert is None:
            return f"{self._read}/{self._requests} requests read, no alert yet"
        waiting = [sink.name for sink in sinks if sink.name not in self._results]
        if self._response is not None and not self._response.is_over:
            waiting.append("the response")
        return f"alert after {self._alert_s:.0f} s, waiting for {', '.join(waiting) or 'nothing'}"

    @property
    def _requests(self) -> int:
        return sum(map(len, self._seen.sent.values()))

    async def _ends(
        self, consumer: AIOKafkaConsumer, partitions: dict[str, int]
    ) -> dict[TopicPartition, int]:
        topic = self.settings.topics.requests
        tps = [TopicPartition(topic, number) for number in range(partitions[topic])]
        ends: dict[TopicPartition, int] = await consumer.end_offsets(tps)
        return ends

    def _report(self, seconds: float, written: int) -> DrillReport:
        alert = self._seen.alert
        return DrillReport(
            drill_id=self._id,
            accounts=self.accounts,
            requests=self._requests,
            seconds=round(seconds, 1),
            read=self._read,
            others=max(written - self._requests, 0),
            dead_letters=dict(self._seen.dead_letters),
            alert_id=alert.alert_id if alert else None,
            alert_after_s=round(self._alert_s, 1) if alert else None,
            members=len(self._seen.members),
            sinks=[self._sink(sink.name) for sink in receivers(self.settings)] if alert else [],
            links=self._response.links if self._response else [],
        )

    def _sink(self, name: str) -> SinkReport:
        if name not in self._results:
            return SinkReport(name=name, result="waiting")
        result, after_s = self._results[name]
        return SinkReport(name=name, result=result, after_s=round(after_s, 1))
