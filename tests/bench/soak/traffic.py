"""Sends the month at its pace from a thread, and counts what the brokers have acknowledged."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec
from aiokafka import AIOKafkaProducer

from stream.core.ledger import day_name
from stream.tools.simulate.rhythms import DAY_S

if TYPE_CHECKING:
    from soak.month import Month
    from stream.settings import Settings

PARTITIONS: Final = 4
#: Longer than any outage of a run.
_GIVE_UP_MS: Final = 600_000
#: Records that the brokers have not acknowledged, at most.
_MOST_PENDING: Final = 20_000
#: Accounts of the records that end the last hour, which is counted once event time has passed it.
LAST: Final = "soak-end-"
_HELD_S: Final = 0.5
_AFTER_S: Final = 7200.0


class Traffic:
    """``pace`` is event time per time of the clock."""

    def __init__(self, month: Month, pace: float, settings: Settings) -> None:
        """Send nothing yet."""
        self._month = month
        self._pace = pace
        self._settings = settings
        self._thread = threading.Thread(target=self._run, name="traffic")
        self.failure: BaseException | None = None
        self.sent = 0
        self.days: Counter[str] = Counter()
        self.event_s = 0.0
        self.over = threading.Event()
        self.stop = threading.Event()
        self.held = threading.Event()
        """While it is set nothing is sent, and event time stands still."""
        self.held_s = 0.0

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def join(self) -> None:
        """Wait until everything is acknowledged."""
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._send())
        except BaseException as error:  # noqa: BLE001 - raised where the run is
            self.failure = error
        finally:
            self.over.set()

    async def _send(self) -> None:
        topic = self._settings.topics.requests
        encode = msgspec.json.Encoder().encode
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka.bootstrap_servers,
            enable_idempotence=True,  # in order and once, whatever happens to the brokers
            linger_ms=200,  # few requests for the brokers; a minute of event time
            max_batch_size=1_048_576,  # one is under way for each partition at a time
            request_timeout_ms=_GIVE_UP_MS,
            retry_backoff_ms=200,
        )
        pending: set[asyncio.Future] = set()
        failed: list[BaseException] = []

        def done(future: asyncio.Future) -> None:
            pending.discard(future)
            if (error := future.exception()) is not None:
                failed.append(error)

        await producer.start()
        try:
            began, first = time.monotonic(), None
            for number, request in enumerate(self._month.requests()):
                if self.stop.is_set() or failed:
                    break
                first = request.timestamp if first is None else first
                while self.held.is_set() and not self.stop.is_set():
                    await asyncio.sleep(_HELD_S)
                    self.held_s += _HELD_S
                    began += _HELD_S
                pause = began + (request.timestamp - first) / self._pace - time.monotonic()
                if pause > 0.01:
                    await asyncio.sleep(pause)
                while len(pending) >= _MOST_PENDING:
                    await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                future = await producer.send(topic, encode(request), partition=number % PARTITIONS)
                pending.add(future)
                future.add_done_callback(done)
                self.sent += 1
                self.days[day_name(int(request.timestamp // DAY_S))] += 1
                self.event_s = request.timestamp
            await producer.flush()
            if failed:
                raise failed[0]
            for partition in range(PARTITIONS):
                last = {"timestamp": self.event_s + _AFTER_S, "account_id": f"{LAST}{partition}"}
                await producer.send_and_wait(
                    topic, encode(last | {"model": "atlas-large"}), partition=partition
                )
        finally:
            await producer.stop()
