"""Connects to Kafka with errors that a person can act on; it sends no records.

Clients report only that they cannot bootstrap. :func:`reach` connects one step at a time (name,
port, encryption, certificate, password, a first request) and names the step that the broker
refuses, and the setting to check.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from aiokafka.conn import create_conn
from aiokafka.protocol.metadata import MetadataRequest
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from stream.core.errors import BrokerError, SettingsError
from stream.kafka.fetched_records import read_any_fetch
from stream.kafka.lost_connections import report_lost_connections
from stream.kafka.refusal import RefusedError, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream.kafka.settings import KafkaSettings

log = logging.getLogger(__name__)
# On a busy machine kafka-python warns of itself: its tasks took longer than 0.1 s.
logging.getLogger("kafka.net.selector").setLevel(logging.ERROR)

#: At DEBUG these write their options and whole requests, with the password among both.
for _library in ("aiokafka.conn", "kafka"):
    logging.getLogger(_library).setLevel(logging.WARNING)

T = TypeVar("T")

_CONNECT_TIMEOUT_S: Final = 5.0
_CLOSE_S: Final = 0.1
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 10.0


def servers(settings: KafkaSettings) -> list[tuple[str, int]]:
    """Return (host, port) of each bootstrap server; raises SettingsError when one is not that."""
    found = []
    for server in settings.bootstrap_servers.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not port.isdecimal():
            raise SettingsError(f"kafka.bootstrap_servers: `{server.strip()}` is not host:port")
        found.append((host.strip("[]"), int(port)))
    return found


def ssl_context(settings: KafkaSettings) -> ssl.SSLContext | None:
    """Return the TLS context, or None for a protocol without TLS."""
    if settings.security_protocol not in {"SSL", "SASL_SSL"}:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ssl_cafile or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"kafka.ssl_cafile: {settings.ssl_cafile} cannot be used: {error}"
        ) from error
    if settings.ssl_certfile:
        try:
            context.load_cert_chain(
                settings.ssl_certfile,
                settings.ssl_keyfile or None,
                settings.ssl_key_password.reveal(),  # empty: else OpenSSL prompts for it
            )
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"kafka.ssl_certfile: {settings.ssl_certfile} cannot be used with "
                f"kafka.ssl_keyfile: {error}"
            ) from error
    return context


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Return the options that aiokafka's and kafka-python's clients share.

    aiokafka is mended on the way: :mod:`stream.kafka.fetched_records` and
    :mod:`stream.kafka.lost_connections`.
    """
    read_any_fetch()
    report_lost_connections()
    servers(settings)
    options: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in settings.bootstrap_servers.split(",")],
        "security_protocol": settings.security_protocol,
        "request_timeout_ms": int(settings.request_timeout_s * 1000),
    }
    context = ssl_context(settings)
    if context is not None:
        options["ssl_context"] = context
    if settings.security_protocol.startswith("SASL_"):
        if not settings.username:
            raise SettingsError("kafka.username: needed with a SASL_ security protocol")
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.username
        options["sasl_plain_password"] = settings.password.reveal()
    return options


@contextlib.contextmanager
def connect(settings: KafkaSettings) -> Iterator[KafkaAdminClient]:
    """Yield an admin client; raises BrokerError with the step that failed."""
    advertised = probe(settings)
    try:
        admin = KafkaAdminClient(
            bootstrap_timeout_ms=int(_CONNECT_TIMEOUT_S * 1000), **client_options(settings)
        )
    except KafkaError as error:
        raise BrokerError(
            f"broker {settings.bootstrap_servers} answers, but the brokers that it names cannot be "
            f"reached from here ({advertised}): {type(error).__name__}; look at their "
            "advertised.listeners"
        ) from error
    try:
        yield admin
    except KafkaError as error:
        raise BrokerError(
            f"broker {settings.bootstrap_servers}: {type(error).__name__} {error}"
        ) from error
    finally:
        admin.close()


def keep_trying(
    settings: KafkaSettings,
    work: Callable[[KafkaAdminClient], T],
    *,
    sleep: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> T:
    """Return ``work(admin)``; retries an unreachable broker with a log line per attempt.

    A refusal (password, certificate) is raised at once, and so is anything that ``work`` raises
    of its own.
    """
    deadline = now() + settings.start_timeout_s
    pause = _FIRST_PAUSE_S
    attempt = 0
    while True:
        attempt += 1
        try:
            with connect(settings) as admin:
                return work(admin)
        except RefusedError:
            raise
        except BrokerError as error:
            if now() + pause > deadline:
                raise
            log.warning("attempt %d: %s; next in %g s", attempt, error, pause)
        sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)


def probe(settings: KafkaSettings) -> str:
    """As :func:`reach`, where no loop runs or one that must not be waited for."""

    async def reach_and_close() -> str:
        try:
            return await reach(settings)
        finally:
            await asyncio.sleep(_CLOSE_S)  # connections end in the background

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(reach_and_close())).result()


async def reach(settings: KafkaSettings) -> str:
    """Return the addresses that the first broker that answers names for all of them.

    Raises the error of the last broker when none answers: RefusedError when a retry cannot help.
    """
    options = client_options(settings)
    del options["bootstrap_servers"]
    options["request_timeout_ms"] = int(_CONNECT_TIMEOUT_S * 1000)
    failure = BrokerError("kafka.bootstrap_servers: empty")
    for host, port in servers(settings):
        try:
            return await _request_metadata(host, port, options)
        except Exception as error:  # noqa: BLE001 - every error is explained
            failure = explain(error, settings, f"broker {host}:{port}")
            failure.__cause__ = error
    raise failure


async def _request_metadata(host: str, port: int, options: dict[str, Any]) -> str:
    """Connect as every client does, and send a request that needs authentication."""
    connection = await create_conn(host, port, **options)
    try:
        answer = await connection.send(MetadataRequest([]))
    finally:
        connection.close()
    return ", ".join(f"{host}:{port}" for _, host, port, *_ in answer.brokers)
