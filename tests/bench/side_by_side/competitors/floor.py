"""The floor: aiokafka's `getmany`, msgspec into a struct of the needed fields, nothing else."""

from __future__ import annotations

from typing import Final

import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from told import Arguments, Tally, say

_PARTITIONS: Final = 4


class Request(msgspec.Struct, gc=False):
    timestamp: float
    account_id: str
    input_tokens: int
    output_tokens: int


class Metadata(msgspec.Struct, gc=False):
    user_api_key_hash: str


class LiteLlm(msgspec.Struct, gc=False, rename={"output_tokens": "completion_tokens"}):
    startTime: float  # noqa: N815 - the proxy's name
    metadata: Metadata
    prompt_tokens: int
    output_tokens: int


async def main(given: Arguments) -> None:
    decode = msgspec.json.Decoder(LiteLlm if given.kind == "litellm" else Request).decode
    tally = Tally(given.events)
    consumer = AIOKafkaConsumer(bootstrap_servers=given.bootstrap, auto_offset_reset="earliest")
    async with consumer:
        consumer.assign([TopicPartition(given.topic, part) for part in range(_PARTITIONS)])
        await consumer.seek_to_beginning()
        done = False
        while not done:
            fetched = await consumer.getmany(timeout_ms=500)
            for records in fetched.values():
                if not tally.events:
                    say("first")
                events = [decode(record.value) for record in records]
                done = tally.add(len(events), sum([event.output_tokens for event in events]))
    tally.prove()


if __name__ == "__main__":
    uvloop.run(main(Arguments.read()))
