"""Bytewax: a one-minute tumbling window of count, two sums and a maximum per account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import bytewax.operators as op
import bytewax.operators.windowing as win
import orjson
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main
from told import Arguments, Fields, Tally, fields_of, say

Sums = tuple[int, int, int, int]
given = Arguments.read()
fields = fields_of(given.kind)
tally = Tally(given.events)
began = False


def parse(message: KafkaSourceMessage) -> tuple[str, Fields]:
    global began  # noqa: PLW0603 - a script
    if not began:
        say("first")
        began = True
    row = fields(orjson.loads(message.value))
    return row[0], row


def plus(sums: Sums, row: Fields) -> Sums:
    count, input_tokens, output_tokens, most = sums
    return count + 1, input_tokens + row[2], output_tokens + row[3], max(most, row[3])


def both(one: Sums, other: Sums) -> Sums:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], max(one[3], other[3])


class Counted(StatelessSinkPartition[tuple[str, tuple[int, Sums]]]):
    def write_batch(self, items: list[tuple[str, tuple[int, Sums]]]) -> None:
        tally.add(sum(sums[0] for _, (_, sums) in items), sum(sums[2] for _, (_, sums) in items))


class Sink(DynamicSink[tuple[str, tuple[int, Sums]]]):
    def build(self, *_: object) -> Counted:
        return Counted()


flow = Dataflow("one_window")
source = KafkaSource([given.bootstrap], [given.topic], tail=False, batch_size=1000)
requests = op.map("parse", op.input("requests", flow, source), parse)
windows = win.fold_window(
    "windows",
    requests,
    win.EventClock(
        ts_getter=lambda row: datetime.fromtimestamp(row[1], UTC),
        # A backlog: with less, every key is woken up all the time to see whether it is due.
        wait_for_system_duration=timedelta(days=1),
    ),
    win.TumblingWindower(length=timedelta(minutes=1), align_to=datetime(2025, 1, 1, tzinfo=UTC)),
    builder=lambda: (0, 0, 0, 0),
    folder=plus,
    merger=both,
    ordered=False,  # else it keeps every event until its window closes
)
op.output("counted", windows.down, Sink())

if __name__ == "__main__":
    run_main(flow)
    tally.prove()
