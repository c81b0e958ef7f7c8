"""Scenarios to a file or to a Kafka topic: the edge of the simulator, with clock and network."""

from __future__ import annotations

import csv
import time
from typing import IO, TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TextIO

    from stream.tools.simulate.request import Label, Request
    from stream.tools.simulate.scenario import Scenario

Progress: TypeAlias = "Callable[[int, float], None]"
"""Called with the events so far and the event time reached (seconds since the start)."""

_REPORT_EVERY = 1000
_CHUNK = 512


def write(
    scenario: Scenario, file: IO[bytes], progress: Progress | None = None, limit: int | None = None
) -> int:
    """Write JSON lines, at most ``limit`` of them; return how many there were."""
    encoder = msgspec.json.Encoder()
    buffer = bytearray()
    count = 0
    at_s = 0.0
    for event in scenario.events():
        if limit is not None and count >= limit:
            break
        encoder.encode_into(event, buffer, len(buffer))
        buffer += b"\n"
        count += 1
        at_s = event.timestamp - scenario.start_s
        if count % _CHUNK == 0:
            file.write(buffer)
            buffer.clear()
            if progress is not None:
                progress(count, at_s)
    file.write(buffer)
    if progress is not None:
        progress(count, at_s)
    return count


def write_labels(labels: Iterable[Label], file: TextIO) -> None:
    """Write the labels file of the contract."""
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(("account_id", "label", "campaign_id"))
    rows.writerows((row.account_id, row.label, row.campaign_id) for row in labels)


class Pace:
    """How fast event time passes: event seconds per second of the wall clock."""

    def __init__(
        self,
        event_s_per_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """A pace of 0 is as fast as possible."""
        self._pace = event_s_per_s
        self._clock = clock
        self._sleep = sleep
        self._began: tuple[float, float] | None = None

    def wait(self, event_s: float) -> None:
        """Sleep until the wall clock has come to ``event_s`` (event time of the next event)."""
        if self._pace <= 0:
            return
        now = self._clock()
        if self._began is None:
            self._began = (now, event_s)
        due = self._began[0] + (event_s - self._began[1]) / self._pace
        if due - now > 0.005:  # noqa: PLR2004 - shorter sleeps cost more than they order
            self._sleep(due - now)


def play(  # noqa: PLR0913 - each is one choice of the caller
    scenario: Scenario,
    brokers: str | list[str],
    topic: str,
    pace: float,
    *,
    key_by_account: bool = False,
    progress: Progress | None = None,
    gateway: Callable[[Request], Request] = lambda request: request,
    stopped: Callable[[], bool] = lambda: False,
    limit: int | None = None,
    client: dict[str, object] | None = None,
) -> int:
    """Produce the scenario at ``pace`` event seconds per second (0: as fast as possible).

    Bounded: the producer's buffer (32 MB) blocks when the broker is slow. ``gateway`` gets each
    request when it is due and returns it as the log has it; ``stopped`` is checked between events
    and ends the play early; ``client`` are further options of the producer (TLS, SASL). Returns
    the number of events, all acknowledged.
    """
    from kafka import KafkaProducer  # noqa: PLC0415 - only a play needs the client

    encode = msgspec.json.Encoder().encode
    options: dict[str, object] = {"linger_ms": 20, "batch_size": 131_072, "acks": "all"}
    producer = KafkaProducer(bootstrap_servers=brokers, **(options | (client or {})))
    clock = Pace(pace)
    failures: list[BaseException] = []
    count = 0
    event: Request | None = None
    try:
        for event in scenario.events():
            if (limit is not None and count >= limit) or stopped() or failures:
                break
            clock.wait(event.timestamp)
            key = event.account_id.encode() if key_by_account else None
            # Dated by when it is written, as a gateway's: a topic deletes records by that time.
            future = producer.send(topic, encode(gateway(event)), key=key)
            future.add_errback(failures.append)
            count += 1
            if progress is not None and count % _REPORT_EVERY == 0:
                progress(count, event.timestamp - scenario.start_s)
        producer.flush()
    finally:
        producer.close()
    if failures:
        raise failures[0]
    if progress is not None and event is not None:
        progress(count, event.timestamp - scenario.start_s)
    return count
