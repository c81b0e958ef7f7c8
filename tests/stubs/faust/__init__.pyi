"""The parts of Faust that the product uses."""

from asyncio import Event
from collections.abc import Callable
from ssl import SSLContext
from typing import Any

from faust.auth import Credentials

class Schema:
    def loads_key(
        self, app: Any, message: Any, *, loads: Any = ..., serializer: Any = ...
    ) -> Any: ...
    def loads_value(
        self, app: Any, message: Any, *, loads: Any = ..., serializer: Any = ...
    ) -> Any: ...

class Settings:
    broker_consumer: list[Any]

class App:
    conf: Settings
    _crashed: Event
    def __init__(self, id: str, *, monitor: Any = ..., **options: Any) -> None: ...
    @property
    def consumer(self) -> Any: ...
    @property
    def crash_reason(self) -> BaseException | None: ...
    @property
    def should_stop(self) -> bool: ...
    consumer_generation_id: int
    def agent(
        self, channel: Any = ..., *, name: str | None = ..., **kwargs: Any
    ) -> Callable[[Any], Any]: ...
    def topic(
        self, *topics: str, schema: Schema | None = ..., internal: bool = ..., **kwargs: Any
    ) -> Any: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def _new_transport(self) -> Any: ...
    def _create_directories(self) -> None: ...

class SSLCredentials(Credentials):
    def __init__(self, context: SSLContext | None = ...) -> None: ...

class SASLCredentials(Credentials):
    def __init__(
        self,
        *,
        username: str | None = ...,
        password: str | None = ...,
        ssl_context: SSLContext | None = ...,
        mechanism: Any = ...,
    ) -> None: ...
