"""Drill records on their way into intake."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from stream.core.drill import HEADER
from stream.core.records import Record
from stream.http.health import Health
from stream.kafka.settings import KafkaSettings
from stream.metrics import Metrics
from stream.worker.record_batch import TP, RecordBatch, batch_of
from stream.worker.runtime import Runtime

SOURCE = TP("requests", 1)


@pytest.mark.parametrize(
    ("headers", "signature"),
    [
        ((), None),
        ([("content-type", b"application/json")], None),
        ([("content-type", b""), (HEADER, b"ab")], b"ab"),
        (
            [(HEADER, None)],
            b"",
        ),  # a header without a value is a wrong signature, and none is no signature
    ],
)
def test_a_record_batch_has_the_signature_of_each_record(
    headers: object, signature: bytes | None
) -> None:
    record: Any = SimpleNamespace(offset=3, timestamp=1000, value=b"v", headers=headers)
    (found,) = batch_of(SOURCE, 3, [record], epoch=0).records
    assert found == Record(3, 1.0, b"v", signature)


@pytest.mark.parametrize(
    ("signatures", "breaks"), [([None], True), ([b"m", None], True), ([b"m", b"m"], False)]
)
async def test_a_drill_does_not_end_idleness(
    signatures: list[bytes | None], *, breaks: bool
) -> None:
    """Else the partition would delay every watermark while a drill runs."""

    async def send(_: object) -> None:
        await asyncio.sleep(0)

    source = SimpleNamespace(process=lambda *_, **__: [])
    stages = SimpleNamespace(source=source, reader=lambda _: source)
    tasks: Any = SimpleNamespace(kafka=KafkaSettings(), reads=lambda _: False, stages=stages)
    sender: Any = SimpleNamespace(send=send)
    topics: Any = SimpleNamespace()
    runtime = Runtime(
        tasks,
        sender,
        topics,
        Metrics(),
        Health(stalled_after_s=60),
    )
    runtime.positions.set({SOURCE: 0})
    runtime.resume()
    records = [Record(offset, None, b"v", signature) for offset, signature in enumerate(signatures)]
    await runtime.process(RecordBatch(SOURCE, 0, records, runtime.epoch))
    assert runtime.failure is None
    assert runtime.positions.get(SOURCE) == len(signatures)
    assert (SOURCE in runtime.last_record) is breaks
