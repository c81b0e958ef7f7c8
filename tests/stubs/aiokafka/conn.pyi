"""One connection to one broker."""

from collections.abc import Awaitable
from typing import Any

class AIOKafkaConnection:
    def send(self, request: object, expect_response: bool = ...) -> Awaitable[Any]: ...
    def close(self, reason: object = ..., exc: object = ...) -> Any: ...

async def create_conn(host: str, port: int, **kwargs: Any) -> AIOKafkaConnection: ...
