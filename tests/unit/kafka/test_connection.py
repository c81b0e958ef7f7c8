import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from stream.core.errors import BrokerError, SettingsError
from stream.core.secret import Secret
from stream.kafka import connection
from stream.kafka.connection import client_options, keep_trying, probe, servers
from stream.kafka.settings import KafkaSettings


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Return a port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def _closed_port() -> int:
    with socket.socket() as probe_:
        probe_.bind(("127.0.0.1", 0))
        return int(probe_.getsockname()[1])


def test_servers_are_host_and_port() -> None:
    settings = KafkaSettings(bootstrap_servers="a:1, [::1]:9092")
    assert servers(settings) == [("a", 1), ("::1", 9092)]


@pytest.mark.parametrize("text", ["broker", "broker:", ":9092", "a:1,,b:2", "a:port"])
def test_a_server_that_is_not_host_and_port_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match=r"kafka\.bootstrap_servers"):
        servers(KafkaSettings(bootstrap_servers=text))


def test_nobody_listening_is_unreachable() -> None:
    settings = KafkaSettings(bootstrap_servers=f"127.0.0.1:{_closed_port()}")
    with pytest.raises(BrokerError, match="unreachable"):
        probe(settings)


def test_an_unknown_host_is_told_apart() -> None:
    with pytest.raises(BrokerError, match="no such host"):
        probe(KafkaSettings(bootstrap_servers="no-such-host.invalid:9092"))


def test_a_port_that_says_nothing_is_told_apart(
    silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_CONNECT_TIMEOUT_S", 0.2)
    with pytest.raises(BrokerError, match=f"127.0.0.1:{silent_port}: no answer; "):
        probe(KafkaSettings(bootstrap_servers=f"127.0.0.1:{silent_port}"))


def test_a_certificate_file_that_is_missing_is_a_setting_that_is_wrong() -> None:
    with pytest.raises(SettingsError, match=r"kafka\.ssl_cafile: /nowhere"):
        client_options(KafkaSettings(security_protocol="SSL", ssl_cafile="/nowhere"))


def test_an_encrypted_key_wants_its_password_and_asks_no_terminal(tmp_path: Path) -> None:
    made = trustme.CA().issue_cert("client")
    key = serialization.load_pem_private_key(made.private_key_pem.bytes(), None)
    encryption = serialization.BestAvailableEncryption(b"key's password")
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    )
    made.cert_chain_pems[0].write_to_path(tmp_path / "client.pem")
    settings = KafkaSettings(
        security_protocol="SSL",
        ssl_certfile=str(tmp_path / "client.pem"),
        ssl_keyfile=str(tmp_path / "key.pem"),
        ssl_key_password=Secret("key's password"),
    )
    assert "ssl_context" in client_options(settings)
    for wrong in ("", "another"):
        changed = msgspec.structs.replace(settings, ssl_key_password=Secret(wrong))
        with pytest.raises(SettingsError, match=r"kafka\.ssl_keyfile") as caught:
            client_options(changed)
        assert "\n" not in str(caught.value)


def test_a_password_needs_a_name() -> None:
    with pytest.raises(SettingsError, match=r"kafka\.username"):
        client_options(KafkaSettings(security_protocol="SASL_PLAINTEXT", password=Secret("x")))


def test_every_attempt_is_one_line_and_they_end(caplog: pytest.LogCaptureFixture) -> None:
    clock = [0.0]
    settings = KafkaSettings(bootstrap_servers=f"127.0.0.1:{_closed_port()}", start_timeout_s=8)

    def sleep(seconds: float) -> None:
        clock[0] += seconds

    with pytest.raises(BrokerError, match="unreachable"):
        keep_trying(settings, lambda _: None, sleep=sleep, now=lambda: clock[0])
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "attempt 1",
        "attempt 2",
        "attempt 3",
        "attempt 4",
    ]
