"""Faust as its documentation writes it: a `Record`, an agent over events, a table of counts."""

from __future__ import annotations

import tempfile
import uuid

import faust
from told import Arguments, Tally, say


class Request(faust.Record, serializer="json"):
    timestamp: float
    account_id: str
    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    status: int = 200


class Metadata(faust.Record, serializer="json"):
    user_api_key_hash: str


class LiteLlm(faust.Record, serializer="json"):
    startTime: float  # noqa: N815 - the proxy's name
    metadata: Metadata
    prompt_tokens: int = 0
    completion_tokens: int = 0


given = Arguments.read()
tally = Tally(given.events)
app = faust.App(
    f"stock-{uuid.uuid4().hex[:8]}",
    broker=f"kafka://{given.bootstrap}",
    datadir=tempfile.mkdtemp(),
    store="memory://",
    topic_partitions=4,
    table_standby_replicas=0,
    web_enabled=False,
)
topic = app.topic(given.topic, value_type=LiteLlm if given.kind == "litellm" else Request)
requests = app.Table("requests", default=int)


@app.agent(topic)
async def count(stream: faust.StreamT) -> None:
    async for request in stream:
        if not tally.events:
            say("first")
        if given.kind == "litellm":
            account, tokens = request.metadata.user_api_key_hash, request.completion_tokens
        else:
            account, tokens = request.account_id, request.output_tokens
        requests[account] += 1
        if tally.add(1, tokens):
            # What it counted is in its table; the benchmark ends it.
            say("total", events=sum(requests.values()), tokens=tally.tokens)
            return


if __name__ == "__main__":
    app.Worker(loglevel="error", redirect_stdouts=False).execute_from_commandline()
