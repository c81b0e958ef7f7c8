"""The values that Faust's transport exchanges with its consumer."""

from typing import Any, NamedTuple

class TP(NamedTuple):
    topic: str
    partition: int

class ConsumerMessage:
    def __init__(
        self,
        topic: str,
        partition: int,
        offset: int,
        timestamp: float,
        timestamp_type: int,
        headers: Any,
        key: Any,
        value: Any,
        checksum: bytes | None,
        serialized_key_size: int | None = ...,
        serialized_value_size: int | None = ...,
        tp: TP | None = ...,
        time_in: float | None = ...,
        time_out: float | None = ...,
        time_total: float | None = ...,
        generation_id: int | None = ...,
    ) -> None: ...
