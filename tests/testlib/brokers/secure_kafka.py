"""Apache Kafka that wants passwords over TLS, or certificates; and the files that clients need."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import trustme
from cryptography.hazmat.primitives import serialization

from testlib.brokers.apache_kafka import ApacheKafka

USER, PASSWORD = "alice", "alice's-Passw0rd"
#: Another user of SCRAM, with the same password.
OTHER_USER = "bob"
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"


@dataclass(frozen=True)
class Files:
    """PEM files: the authority, a client's certificate with its key, and strangers' of each."""

    ca: Path
    client: Path
    other_ca: Path
    other_client: Path


@dataclass(frozen=True)
class SecureKafka:
    """The cluster has the listeners SASL_SSL, SSL (mutual) and SASL_PLAINTEXT beside PLAINTEXT."""

    kafka: ApacheKafka
    files: Files

    def by_password(self, **changes: object) -> dict[str, object]:
        """Return the settings of a client that SASL_SSL takes."""
        return {
            "kafka_bootstrap_servers": self.kafka.address("SASL_SSL"),
            "kafka_security_protocol": "SASL_SSL",
            "kafka_username": USER,
            "kafka_password": PASSWORD,
            "kafka_ssl_cafile": self.files.ca,
        } | changes

    def by_certificate(self, **changes: object) -> dict[str, object]:
        """Return the settings of a client that SSL takes."""
        return {
            "kafka_bootstrap_servers": self.kafka.address("SSL"),
            "kafka_security_protocol": "SSL",
            "kafka_ssl_cafile": self.files.ca,
            "kafka_ssl_certfile": self.files.client,
        } | changes


@contextmanager
def secure_kafka(
    folder: Path, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[SecureKafka]:
    """Run a broker with all of these listeners, and ``more`` settings."""
    ca, other = trustme.CA(), trustme.CA()
    files = Files(*(folder / f"{n}.pem" for n in ("ca", "client", "other-ca", "other-client")))
    ca.cert_pem.write_to_path(files.ca)
    other.cert_pem.write_to_path(files.other_ca)
    ca.issue_cert("client").private_key_and_cert_chain_pem.write_to_path(files.client)
    other.issue_cert("client").private_key_and_cert_chain_pem.write_to_path(files.other_client)
    server = folder / "server.pem"
    server.write_bytes(_for_java(ca.issue_cert("localhost")))
    config = {
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": _SCRAM,
        "listener.name.sasl_plaintext.scram-sha-512.sasl.jaas.config": _SCRAM,
        "listener.name.sasl_ssl.plain.sasl.jaas.config": f'{_PLAIN} user_{USER}="{PASSWORD}";',
        "listener.name.sasl_plaintext.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.ssl.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(server),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(files.ca),
        **more,
    }
    names = ("SASL_SSL", "SSL", "SASL_PLAINTEXT")
    users = dict.fromkeys((USER, OTHER_USER), PASSWORD)
    kafka = ApacheKafka(listeners={name: name for name in names}, config=config, scram=users)
    with kafka:
        yield SecureKafka(kafka, files)


def _for_java(certificate: trustme.LeafCert) -> bytes:
    """Return key and chain with the key as PKCS#8, the only form that Java reads from PEM."""
    key = serialization.load_pem_private_key(certificate.private_key_pem.bytes(), None)
    written = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return written + b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
