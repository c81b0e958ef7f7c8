"""Explains a broker's refusal and names the setting to check: one line for each kind.

The kinds were found by trying them on Apache Kafka 4.3 (tests/integration/test_secure_kafka.py).
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from typing import TYPE_CHECKING, Final

from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

from stream.core.errors import BrokerError

if TYPE_CHECKING:
    from stream.kafka.settings import KafkaSettings

#: A TLS alert (RFC 8446, 5.1) read as the length of a Kafka answer: its first two bytes.
_TLS_ALERT: Final = 0x1503
#: Codes of X509_verify_cert (OpenSSL): signed by no known authority; issued for another name.
_NO_AUTHORITY: Final = (18, 19, 20, 21)
_OTHER_NAME: Final = (62, 64)


class RefusedError(BrokerError):
    """The broker answers with a refusal: a retry will not help."""


def explain(error: BaseException, settings: KafkaSettings, where: str) -> BrokerError:
    """Return an explained error: RefusedError when a retry will not help."""
    if isinstance(error, BrokerError):
        return error
    if isinstance(error, KafkaConnectionError) and error.__cause__ is not None:
        error = error.__cause__
    refusal = _refusal(error, settings)
    if refusal:
        return RefusedError(f"{where}: {refusal}")
    return BrokerError(f"{where}: {_trouble(error, settings)}")


def _refusal(error: BaseException, settings: KafkaSettings) -> str:
    """Return what the broker refuses, or ""."""
    protocol = settings.security_protocol
    if isinstance(error, SaslAuthenticationFailed):
        return f"it refuses kafka.username and kafka.password ({settings.sasl_mechanism})"
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"it does not offer kafka.sasl_mechanism {settings.sasl_mechanism}"
    if isinstance(error, IllegalSaslStateError):
        without = protocol.removeprefix("SASL_")
        return f"it takes no password on this port; set kafka.security_protocol to {without}"
    if isinstance(error, asyncio.IncompleteReadError) and _is_tls_alert(error):
        return f"it speaks TLS; kafka.security_protocol {protocol} does not"
    return _certificate_refusal(error) if isinstance(error, ssl.SSLError) else ""


def _certificate_refusal(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        remedy = ""
        if error.verify_code in _NO_AUTHORITY:
            remedy = "; set kafka.ssl_cafile to the authority that signed it"
        if error.verify_code in _OTHER_NAME:
            remedy = "; use a name of the certificate in kafka.bootstrap_servers"
        return f"its certificate is not trusted ({error.verify_message.rstrip('.')}){remedy}"
    if "CERTIFICATE" in (error.reason or "").upper():
        return (
            f"it refuses our certificate ({error.reason}); set kafka.ssl_certfile and "
            "kafka.ssl_keyfile to one that it trusts"
        )
    return ""


def _is_tls_alert(error: asyncio.IncompleteReadError) -> bool:
    return (error.expected or 0) >> 16 == _TLS_ALERT


def _trouble(error: BaseException, settings: KafkaSettings) -> str:
    """Return any other failure, which a retry may solve."""
    protocol = settings.security_protocol
    if isinstance(error, socket.gaierror):
        return f"no such host ({error.strerror})"
    if isinstance(error, TimeoutError):
        return "no answer; is it a Kafka broker, and up?"
    if isinstance(error, ssl.SSLError | ConnectionResetError) and protocol.endswith("SSL"):
        return f"no TLS there; is kafka.security_protocol {protocol} right for this port?"
    if isinstance(error, asyncio.IncompleteReadError) and not protocol.startswith("SASL_"):
        return (
            "it closes the connection; does it want a password "
            f"(kafka.security_protocol SASL_{protocol})?"
        )
    if isinstance(error, OSError):
        reason = os.strerror(error.errno) if error.errno else str(error)
        return f"unreachable ({reason or type(error).__name__})"
    return f"the port is open but no Kafka answers ({type(error).__name__})"
