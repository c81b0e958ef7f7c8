"""Secrets come from the environment or from files, and nothing that is written contains one."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from yarl import URL

from stream.cli import main
from testlib.alerts import Receiver, alert, produce
from testlib.brokers.secure_kafka import PASSWORD, SecureKafka, secure_kafka
from testlib.ports import free_port
from testlib.workers.command import settings
from testlib.workers.worker import worker

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

LOUD_WORKER = [sys.executable, str(Path(__file__).with_name("loud_worker.py"))]
OF_THE_KEY = "the-key's-Passw0rd"
SIGNING = base64.b64encode(b"a signing secret of 32 bytes ...").decode()
TOKEN, SALT = "T0ken-in-the-path", "a-Salt-that-keys-prints"
SALT_PREVIOUS = "salt-that-was-before-it-b55a"
TRACE = "a-Key-for-the-hashes-of-answers-alone"
SECRETS = {
    "kafka password": PASSWORD,
    "key password": OF_THE_KEY,
    "signing secret": SIGNING,
    "signing secret's bytes": base64.b64decode(SIGNING).decode(),
    "token of the webhook": TOKEN,
    "salt": SALT,
    "previous salt": SALT_PREVIOUS,
    "key of answers": TRACE,
}


def leaked(text: str) -> list[str]:
    """Return which secrets are in a text, as they are or as bytes are shown."""
    return [name for name, secret in SECRETS.items() if secret in text]


def test_what_is_searched_for_would_be_found() -> None:
    assert leaked(f"password={PASSWORD!r}") == ["kafka password"]
    assert leaked(str(f"\0alice\0{PASSWORD}".encode())) == ["kafka password"]


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    with secure_kafka(tmp_path_factory.mktemp("pem")) as made:
        yield made


@pytest.fixture
def environment(secure: SecureKafka, tmp_path: Path) -> dict[str, str]:
    """All secrets set, most of them by file, and the way of authentication that tells most."""
    pem = secure.files.client.read_bytes()
    key = serialization.load_pem_private_key(pem, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(OF_THE_KEY.encode()),
    )
    (tmp_path / "key.pem").write_bytes(key)
    files = {
        "kafka_password": PASSWORD,
        "kafka_ssl_key_password": OF_THE_KEY,
        "webhook_secret": f"whsec_{SIGNING}",
        "intake_salt": SALT,
        "intake_salt_previous": SALT_PREVIOUS,
        "trace_key": TRACE,
    }
    for name, secret in files.items():
        (tmp_path / name).write_text(secret + "\n")
    given = {f"{name}_file": tmp_path / name for name in files} | {
        "kafka_sasl_mechanism": "PLAIN",
        "kafka_ssl_certfile": secure.files.client,
        "kafka_ssl_keyfile": tmp_path / "key.pem",
        "webhook_url": f"http://127.0.0.1:{free_port()}/{TOKEN}",
        "webhook_first_retry_s": 0.2,
        "webhook_longest_retry_s": 0.5,
    }
    way = secure.by_password()
    del way["kafka_password"]
    return settings("", **(way | given))


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """Return what a command in this process says, with its exit code."""

    def run(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(os, "environ", environment)
        monkeypatch.setattr(sys, "argv", ["distillwatch", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main.run()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run


@pytest.mark.kafka
def test_a_worker_that_logs_all_it_can_shows_no_secret(
    environment: dict[str, str], secure: SecureKafka, say, tmp_path: Path
) -> None:
    code, said = say(environment, "topics", "create")
    assert (code, leaked(said)) == (0, [])
    shown = ""
    topics = {name: environment[f"DISTILLWATCH_TOPICS_{name}"] for name in ("REQUESTS", "ALERTS")}
    records = [("k", b"not an event"), ("k", b'{"timestamp":1,"account_id":"a","model":"m"}')]
    asyncio.run(produce(secure.kafka.bootstrap, topics["REQUESTS"], *records))
    asyncio.run(produce(secure.kafka.bootstrap, topics["ALERTS"], ("i", alert("i", 0))))
    environment |= {"PYTHONPATH": str(Path(__file__).parents[2])}
    with worker(environment, tmp_path, *LOUD_WORKER) as one:
        one.until_ready()
        attempts = "distillwatch_sink_attempts_total"
        one.until(lambda: one.total(attempts, result="unreachable") > 2, what="tries")
        asyncio.run(refuse(one, environment["DISTILLWATCH_WEBHOOK_URL"]))
        one.until(lambda: one.total("distillwatch_events_total") == 2, what="events")
        for page in ("", "metrics", "livez", "readyz", TOKEN[:3], "%00"):
            shown += one.page(page)[1]
        assert one.stop() == 0
    assert "DEBUG" in one.log
    assert "aiokafka" in one.log
    assert leaked(one.log + shown) == []


async def refuse(one, url: str) -> None:
    """Listen, and answer every alert with 404: the path with the token is none of ours."""
    receiver = Receiver(lambda *_: asyncio.sleep(0, 204))
    attempts = "distillwatch_sink_attempts_total"
    async with receiver.listening(URL(url).port or 0):
        await asyncio.to_thread(
            one.until, lambda: one.total(attempts, result="4xx") > 1, what="refusals"
        )


@pytest.mark.kafka
def test_errors_on_the_way_to_the_broker_show_no_secret(environment: dict[str, str], say) -> None:
    environment["DISTILLWATCH_KAFKA_START_TIMEOUT_S"] = "0"
    wrong = "not-the-Passw0rd"
    given = environment | {"DISTILLWATCH_KAFKA_PASSWORD": wrong}
    del given["DISTILLWATCH_KAFKA_PASSWORD_FILE"]
    for command in (["topics", "check"], ["worker"]):
        code, said = say(given, *command)
        assert code == 1
        assert "refuses kafka.username and kafka.password (PLAIN)" in said
        assert wrong not in said
        assert leaked(said) == []
    code, said = say(environment | {"DISTILLWATCH_KAFKA_SSL_KEY_PASSWORD": wrong}, "worker")
    assert code == 2
    assert wrong not in said
    assert leaked(said) == []


def secret_settings() -> dict[str, str]:
    return settings(
        "localhost:1",
        kafka_password=PASSWORD,
        kafka_username="alice",
        kafka_ssl_key_password=OF_THE_KEY,
        kafka_start_timeout_s=0,
        webhook_url=f"https://hooks.example.org/{TOKEN}",
        webhook_secret=f"whsec_{SIGNING}",
        intake_salt=SALT,
        intake_salt_previous=SALT_PREVIOUS,
        trace_enabled="true",
        trace_key=TRACE,
    )


@pytest.mark.parametrize("arguments", [["settings"], ["settings", "--json"]], ids=" ".join)
def test_the_settings_say_only_that_secrets_are_set(arguments: list[str], say) -> None:
    code, said = say(secret_settings(), *arguments)
    assert code == 0
    assert leaked(said) == []
    assert "whsec_" + SIGNING[:4] not in said


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"WEBHOOK_SECRET": f"whsec_{SIGNING}!"}, "webhook.secret"),
        ({"WEBHOOK_SECRET": f"whsec_{SIGNING[:8]}"}, "webhook.secret"),
        ({"WEBHOOK_URL": f"https://user:{TOKEN}@example.org/"}, "webhook.url"),
        ({"WEBHOOK_URL": f"ftp://example.org/{TOKEN}"}, "webhook.url"),
        ({"WEBHOOK_URL": f"http://[{TOKEN}"}, "webhook.url"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SSL_CAFILE": "/nowhere"}, "ssl_cafile"),
        ({"KAFKA_PORT": PASSWORD}, "DISTILLWATCH_KAFKA_PORT: no such setting"),
        ({"HTTP_PORT": PASSWORD}, "http.port"),
        ({"TRACE_KEY": f"{TRACE} {TOKEN}"}, "trace.key"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_setting_that_is_refused_is_not_quoted(
    changes: dict[str, str], expected: str, say
) -> None:
    given = secret_settings() | {f"DISTILLWATCH_{name}": text for name, text in changes.items()}
    code, said = say(given, "worker")
    assert code == 2
    assert expected in said
    assert said.count("\n") == 1
    assert leaked(said) == []
    assert SIGNING[:8] not in said


@pytest.mark.parametrize(
    "content", [b"\xff\xfe" + PASSWORD.encode(), None], ids=["not text", "missing"]
)
def test_a_file_of_a_secret_that_cannot_be_read_is_named_and_not_quoted(
    content: bytes | None, tmp_path: Path, say
) -> None:
    given = secret_settings()
    del given["DISTILLWATCH_KAFKA_PASSWORD"]
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    code, said = say(given | {"DISTILLWATCH_KAFKA_PASSWORD_FILE": str(path)}, "worker")
    assert code == 2
    assert f"DISTILLWATCH_KAFKA_PASSWORD_FILE: {path} cannot be read" in said.replace("\n", " ")
    assert said.count("\n") == 1
    assert leaked(said) == []


@pytest.mark.parametrize(
    "text",
    [
        f'[kafka]\npassword = "{PASSWORD}\n',
        f'[kafka]\npassword = ["{PASSWORD}"]\n',
        f'[kafka]\npasword = "{PASSWORD}"\n',
        f'[kafka]\npassword = "{PASSWORD}"\nusername = 5\n',
    ],
    ids=["open string", "a list", "unknown key", "another value"],
)
def test_a_file_of_settings_that_is_wrong_shows_no_value(text: str, tmp_path: Path, say) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(text)
    code, said = say(settings("localhost:1"), "worker", "--config", str(path))
    assert code == 2
    assert said.count("\n") == 1
    assert leaked(said) == []
