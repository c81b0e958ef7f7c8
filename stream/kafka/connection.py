"""Connecting to Kafka with errors that a person can act on; it sends nothing of ours.

Clients say only that they cannot bootstrap. :func:`probe` goes the same way one step at a time
(name, port, encryption, password) and says which step the broker refuses.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from stream.errors import BrokerError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stream.kafka.settings import KafkaSettings

log = logging.getLogger(__name__)

T = TypeVar("T")

_CONNECT_TIMEOUT_S: Final = 5.0
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 10.0


class RefusedError(BrokerError):
    """The broker answers and says no: trying again will not help."""


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
            context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile or None)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"kafka.ssl_certfile: {settings.ssl_certfile} cannot be used with "
                f"kafka.ssl_keyfile: {error}"
            ) from error
    return context


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Return the options that aiokafka's and kafka-python's clients share."""
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
    probe(settings)
    with _overhear() as said:
        try:
            admin = KafkaAdminClient(
                bootstrap_timeout_ms=int(_CONNECT_TIMEOUT_S * 1000), **client_options(settings)
            )
        except KafkaError as error:
            raise _explain(settings, error, " ".join(said)) from error
    try:
        yield admin
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


def probe(settings: KafkaSettings) -> None:
    """Reach one of the brokers by TCP and TLS; raises the error of the last one tried."""
    context = ssl_context(settings)
    failure: BrokerError | None = None
    for host, port in servers(settings):
        try:
            _reach(host, port, context)
        except BrokerError as error:
            failure = error
        else:
            return
    if failure is not None:
        raise failure


def _reach(host: str, port: int, context: ssl.SSLContext | None) -> None:
    where = f"broker {host}:{port}"
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_TIMEOUT_S) as plain:
            if context is None:
                return
            with context.wrap_socket(plain, server_hostname=host) as secure:
                _await_refusal(secure)
    except socket.gaierror as error:
        raise BrokerError(f"{where}: no such host ({error.strerror})") from error
    except ssl.SSLCertVerificationError as error:
        raise RefusedError(
            f"{where}: its certificate is not trusted ({error.verify_message}); set "
            "kafka.ssl_cafile to the authority that signed it"
        ) from error
    except ssl.SSLError as error:
        raise _explain_tls(where, error) from error
    except TimeoutError as error:
        raise BrokerError(f"{where}: no answer within {_CONNECT_TIMEOUT_S:g} s") from error
    except OSError as error:
        raise BrokerError(f"{where}: unreachable ({error.strerror or error})") from error


def _await_refusal(secure: ssl.SSLSocket) -> None:
    """Give the broker a moment to refuse our certificate: TLS 1.3 says so after the handshake."""
    secure.settimeout(0.2)
    with contextlib.suppress(TimeoutError):
        secure.recv(1)


def _explain_tls(where: str, error: ssl.SSLError) -> BrokerError:
    reason = (error.reason or "").lower()
    if "certificate" in reason and "alert" in reason:
        return RefusedError(
            f"{where}: it refuses our certificate ({error.reason}); set kafka.ssl_certfile and "
            "kafka.ssl_keyfile"
        )
    return RefusedError(
        f"{where}: no TLS there ({error.reason or error}); is kafka.security_protocol right for "
        "this port?"
    )


def _explain(settings: KafkaSettings, error: KafkaError, said: str) -> BrokerError:
    where = f"broker {settings.bootstrap_servers}"
    if "SaslAuthenticationFailedError" in said:
        return RefusedError(
            f"{where}: it refuses kafka.username and kafka.password ({settings.sasl_mechanism})"
        )
    if "UnsupportedSaslMechanismError" in said:
        return RefusedError(
            f"{where}: it does not offer kafka.sasl_mechanism {settings.sasl_mechanism}"
        )
    return BrokerError(
        f"{where}: the port is open but no Kafka answers ({type(error).__name__}); is "
        "kafka.security_protocol right for this port?"
    )


class _Overheard(logging.Handler):
    def __init__(self, said: list[str]) -> None:
        super().__init__()
        self._said = said

    def emit(self, record: logging.LogRecord) -> None:
        self._said.append(record.getMessage())


@contextlib.contextmanager
def _overhear() -> Iterator[list[str]]:
    """Yield what kafka-python logs meanwhile: it says why it failed there and nowhere else."""
    said: list[str] = []
    handler = _Overheard(said)
    library = logging.getLogger("kafka.net")
    propagated, library.propagate = library.propagate, False
    library.addHandler(handler)
    try:
        yield said
    finally:
        library.removeHandler(handler)
        library.propagate = propagated
