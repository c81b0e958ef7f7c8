"""Encryption, certificates and passwords on Apache Kafka, and what is said when they are wrong."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import msgspec
import pytest
from kafka.admin import KafkaAdminClient, ScramMechanism, UserScramCredentialUpsertion

from stream.cli import main
from testlib.alerts import alert, produce
from testlib.brokers.secure_kafka import PASSWORD, USER, SecureKafka, secure_kafka
from testlib.ports import free_port
from testlib.workers.command import run, settings
from testlib.workers.worker import worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from testlib.workers.worker import Worker

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.timeout(240)]

NOT_IT = "wr0ng"
#: What is wrong, the settings that say so, and what the one line has to say.
WRONG: dict[str, tuple[Callable[[SecureKafka], dict[str, object]], str]] = {
    "password": (
        lambda s: s.by_password(kafka_password=NOT_IT),
        "refuses kafka.username and kafka.password (SCRAM-SHA-512)",
    ),
    "user": (
        lambda s: s.by_password(kafka_username="mallory"),
        "refuses kafka.username and kafka.password (SCRAM-SHA-512)",
    ),
    "password, PLAIN": (
        lambda s: s.by_password(kafka_password=NOT_IT, kafka_sasl_mechanism="PLAIN"),
        "refuses kafka.username and kafka.password (PLAIN)",
    ),
    "mechanism": (
        lambda s: s.by_password(kafka_sasl_mechanism="SCRAM-SHA-256"),
        "does not offer kafka.sasl_mechanism SCRAM-SHA-256",
    ),
    "authority": (
        lambda s: s.by_password(kafka_ssl_cafile=s.files.other_ca),
        "certificate is not trusted (unable to get local issuer certificate); set kafka.ssl_cafile",
    ),
    "name": (
        lambda s: s.by_password(
            kafka_bootstrap_servers=s.kafka.address("SASL_SSL").replace("localhost", "127.0.0.1")
        ),
        "'127.0.0.1'); use a name of the certificate in kafka.bootstrap_servers",
    ),
    "no certificate": (
        lambda s: s.by_certificate(kafka_ssl_certfile=""),
        "refuses our certificate (SSLV3_ALERT_BAD_CERTIFICATE); set kafka.ssl_certfile",
    ),
    "certificate of a stranger": (
        lambda s: s.by_certificate(kafka_ssl_certfile=s.files.other_client),
        "refuses our certificate (SSLV3_ALERT_CERTIFICATE_UNKNOWN); set kafka.ssl_certfile",
    ),
    "TLS to a port without": (
        lambda s: s.by_certificate(kafka_bootstrap_servers=s.kafka.bootstrap),
        "no TLS there; is kafka.security_protocol SSL right for this port?",
    ),
    "no TLS to a port with": (
        lambda s: {"kafka_bootstrap_servers": s.kafka.address("SSL")},
        "it speaks TLS; kafka.security_protocol PLAINTEXT does not",
    ),
    "password in the clear to a port with TLS": (
        lambda s: s.by_password(kafka_security_protocol="SASL_PLAINTEXT"),
        "it speaks TLS; kafka.security_protocol SASL_PLAINTEXT does not",
    ),
    "no password where one is wanted": (
        lambda s: {"kafka_bootstrap_servers": s.kafka.address("SASL_PLAINTEXT")},
        "does it want a password (kafka.security_protocol SASL_PLAINTEXT)?",
    ),
    "a password where none is wanted": (
        lambda s: s.by_password(
            kafka_bootstrap_servers=s.kafka.address("SSL"), kafka_ssl_certfile=s.files.client
        ),
        "it takes no password on this port; set kafka.security_protocol to SSL",
    ),
    "port": (
        lambda s: s.by_password(kafka_bootstrap_servers=f"localhost:{free_port()}"),
        "unreachable (Connection refused)",
    ),
    "host": (
        lambda s: s.by_password(kafka_bootstrap_servers="no-such-host.invalid:9092"),
        "no such host",
    ),
}


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    with secure_kafka(tmp_path_factory.mktemp("pem")) as made:
        yield made


@pytest.fixture
def quiet() -> Iterator[None]:
    """Put back the levels of loggers that a worker in this process sets."""
    loggers = logging.root.manager.loggerDict
    before = {n: x.level for n, x in loggers.items() if isinstance(x, logging.Logger)}
    yield
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("command", [["topics", "check"], ["worker"]], ids=" ".join)
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_one_line_that_names_the_setting(
    wrong: str,
    command: list[str],
    secure: SecureKafka,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given, expected = WRONG[wrong]
    monkeypatch.setattr(os, "environ", settings("", kafka_start_timeout_s=0, **given(secure)))
    monkeypatch.setattr(sys, "argv", ["distillwatch", *command])
    began = time.monotonic()
    with pytest.raises(SystemExit) as ended:
        main.run()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert said.out == ""
    assert said.err.startswith("distillwatch: broker ")
    assert expected in said.err
    assert said.err.count("\n") == 1
    assert NOT_IT not in said.err
    assert time.monotonic() - began < 20


def events(count: int) -> list[tuple[str, bytes]]:
    now = time.time() - 60
    return [
        (f"a{n}", msgspec.json.encode({"timestamp": now, "account_id": f"a{n}", "model": "m"}))
        for n in range(count)
    ]


def put_events(secure: SecureKafka, environment: dict[str, str], count: int) -> None:
    topic = environment["DISTILLWATCH_TOPICS_REQUESTS"]
    asyncio.run(produce(secure.kafka.bootstrap, topic, *events(count)))


def accepted(one: Worker) -> float:
    return one.total("distillwatch_events_total", result="accepted")


@pytest.mark.parametrize("way", ["by_password", "by_certificate"])
def test_a_worker_takes_events_and_gives_alerts(
    way: str, secure: SecureKafka, tmp_path: Path
) -> None:
    environment = settings("", **getattr(secure, way)())
    created = run(environment, "topics", "create")
    assert created.returncode == 0, created.stderr
    put_events(secure, environment, 200)
    topic = environment["DISTILLWATCH_TOPICS_ALERTS"]
    asyncio.run(produce(secure.kafka.bootstrap, topic, ("i", alert("inc-7", 1))))
    with worker(environment, tmp_path) as one:
        one.until_ready()
        one.until(lambda: accepted(one) == 200, what="200 events")
        one.until(lambda: "alert inc-7 firing" in one.log, what="alert in the log")
        one.until(lambda: one.total("distillwatch_commits_total", result="done") > 0, what="commit")
        assert one.stop() == 0
        assert PASSWORD not in one.log
        assert "Traceback" not in one.log


def test_a_refusal_that_comes_later_ends_the_worker_and_an_outage_does_not(
    secure: SecureKafka, tmp_path: Path
) -> None:
    environment = settings("", **secure.by_password())
    created = run(environment, "topics", "create")
    assert created.returncode == 0, created.stderr
    (node,) = secure.kafka.brokers
    with worker(environment, tmp_path) as one:
        one.until_ready()
        put_events(secure, environment, 10)
        one.until(lambda: accepted(one) == 10, what="events")

        node.end(signal.SIGKILL)
        one.until(lambda: "unreachable" in one.log, within_s=60, what="word about the outage")
        assert one.log.count("\n") < 300  # its client fails ninety times a second
        secure.kafka.start(node)
        secure.kafka.await_answer(node)
        put_events(secure, environment, 10)
        one.until(lambda: accepted(one) == 20, what="events after the outage")

        change_password(secure, "another-Passw0rd")
        try:
            node.end(signal.SIGKILL)
            secure.kafka.start(node)
            secure.kafka.await_answer(node)
            assert one.process.wait(90) == 1
        finally:
            change_password(secure, PASSWORD)
        last = one.log.strip().splitlines()[-1]
        assert last.startswith("distillwatch: broker localhost:")
        assert last.endswith("it refuses kafka.username and kafka.password (SCRAM-SHA-512)")
        assert "Traceback" not in one.log


def change_password(secure: SecureKafka, password: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=secure.kafka.bootstrap)
    admin.alter_user_scram_credentials(
        [UserScramCredentialUpsertion(USER, ScramMechanism.SCRAM_SHA_512, password)]
    )
    admin.close()
