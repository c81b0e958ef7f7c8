"""A connection that is reset at the moment of a request, on the loop that a worker uses."""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.client import ConnectionGroup
from aiokafka.conn import create_conn
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from stream.kafka.connection import client_options
from stream.kafka.settings import KafkaSettings
from stream.worker.event_loop import new_event_loop

pytestmark = pytest.mark.integration


class Proxy:
    """Passes the first request on a connection to a broker; resets it as a broker's death does."""

    def __init__(self, broker: str) -> None:
        host, port = broker.split(":")
        self._broker = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._reset = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        client, _ = self._listener.accept()
        with socket.create_connection(self._broker) as broker:
            broker.sendall(client.recv(65_536))
            client.sendall(broker.recv(65_536))
        self._reset.wait(30)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    @contextmanager
    def open(self) -> Iterator[None]:
        self._thread.start()
        try:
            yield
        finally:
            self._reset.set()
            self._thread.join()
            self._listener.close()

    async def lose(self, connection: Any) -> None:
        """Reset, and return as soon as the loop knows; aiokafka learns it a little later."""
        self._reset.set()
        while not connection._writer.transport.is_closing():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert connection.connected()


async def request(connection: Any) -> None:
    with pytest.raises(KafkaConnectionError):
        await connection.send(MetadataRequest([]))


async def fetch_metadata(client: Any, connection: Any) -> None:
    """Do what the client's background task does: an error of another kind would end that task."""
    client._conns[(client.get_random_node(), ConnectionGroup.DEFAULT)] = connection
    assert not await client._metadata_update(client.cluster, [])
    async with asyncio.timeout(10):
        assert await client._metadata_update(client.cluster, [])


@pytest.mark.parametrize("used_by", ["request", "client"])
def test_a_reset_connection_is_reported_and_opened_again(bootstrap: str, used_by: str) -> None:
    async def main() -> None:
        settings = KafkaSettings(bootstrap_servers=bootstrap, request_timeout_s=5)
        producer: Any = AIOKafkaProducer(**client_options(settings))
        await producer.start()
        try:
            with proxy.open():
                connection = await create_conn("127.0.0.1", proxy.port)
                await proxy.lose(connection)
                if used_by == "request":
                    await request(connection)
                else:
                    await fetch_metadata(producer.client, connection)
        finally:
            await producer.stop()

    proxy = Proxy(bootstrap)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main())
