"""Quix Streams: a one-minute tumbling window of count, two sums and a maximum per account."""

from __future__ import annotations

import tempfile
import uuid
from typing import Any

from quixstreams import Application
from quixstreams.dataframe.windows import Count, Max, Sum
from quixstreams.models import JSONDeserializer
from told import Arguments, Tally, fields_of, say

given = Arguments.read()
fields = fields_of(given.kind)
tally = Tally(given.events)
began = False


def flat(row: dict[str, Any]) -> dict[str, Any]:
    global began  # noqa: PLW0603 - a script
    if not began:
        say("first")
        began = True
    _, _, input_tokens, output_tokens = fields(row)
    return {"input_tokens": input_tokens, "output_tokens": output_tokens}


def counted(window: dict[str, Any]) -> None:
    if tally.add(window["count"], window["output_tokens"]):
        app.stop()


app = Application(
    broker_address=given.bootstrap,
    consumer_group=f"quix-{uuid.uuid4().hex[:8]}",
    auto_offset_reset="earliest",
    state_dir=tempfile.mkdtemp(),
    loglevel="ERROR",
)
topic = app.topic(
    given.topic,
    key_deserializer="str",
    value_deserializer=JSONDeserializer(),
    timestamp_extractor=lambda value, *_: int(fields(value)[1] * 1000),
)
(
    app.dataframe(topic)
    .apply(flat)
    .tumbling_window(duration_ms=60_000)
    .agg(
        count=Count(),
        input_tokens=Sum("input_tokens"),
        output_tokens=Sum("output_tokens"),
        most=Max("output_tokens"),
    )
    .final(closing_strategy="partition")
    .update(counted)
)

if __name__ == "__main__":
    app.run()
    tally.prove()
