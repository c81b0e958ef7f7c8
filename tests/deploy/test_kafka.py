"""Apache Kafka as it is deployed: with the rights of the chart's user, with compose's settings."""

from __future__ import annotations

import json
import os
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import pytest
from kafka import KafkaProducer
from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from testlib.brokers.apache_kafka import ApacheKafka
from testlib.brokers.secure_kafka import OTHER_USER, USER, SecureKafka, secure_kafka
from testlib.decisions import KEY
from testlib.deployment.chart import SECRET, environment, only
from testlib.deployment.compose import BROKER
from testlib.deployment.receiving import receiving
from testlib.ports import free_port
from testlib.workers.command import run, settings
from testlib.workers.enforcing import TOKEN, Enforcing, authorize
from testlib.workers.worker import worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.deploy,
    pytest.mark.kafka,
    pytest.mark.integration,
    pytest.mark.timeout(300),
]

#: Who comes to the port without passwords may do all, others what rules allow.
AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}
TYPES = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactionalId": ResourceType.TRANSACTIONAL_ID,
}
FORBIDDEN = 403
PATTERNS = {"literal": ACLResourcePatternType.LITERAL, "prefix": ACLResourcePatternType.PREFIXED}


#: What a worker has to get done: counters that have to move.
DONE: list[tuple[str, dict[str, str]]] = [
    ("dead_letters_total", {}),
    ("alerts_total", {"kind": "campaign"}),
    ("sink_deliveries_total", {"sink": "webhook", "result": "delivered"}),
    ("sink_deliveries_total", {"sink": "log", "result": "delivered"}),
    ("commits_total", {"result": "done"}),
    ("verdicts_total", {"result": "unknown"}),
    ("suppressions_active", {"matcher": "account"}),
]

#: What people say; of an alert that there is not.
JUDGED = {"alert_id": "inc_" + 20 * "0", "verdict": "benign", "author": "a", "time": 1.0}
SUPPRESSED = {
    "suppression_id": "sup_" + 20 * "0",
    "by": "account",
    "match": "nobody",
    "author": "a",
    "reason": "r",
    "time": 1_772_500_000.0,
    "expires": 1_772_600_000.0,
}


#: Closes the steps of time of those before.
LAST = json.dumps({"timestamp": 1_772_500_000, "account_id": "later", "model": "m"}).encode()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    with secure_kafka(tmp_path_factory.mktemp("pem"), AUTHORIZER) as made:
        yield made


def allow(kafka: ApacheKafka, user: dict[str, Any], name: str = USER) -> None:
    """Do what Strimzi does with a KafkaUser: https://strimzi.io/docs, "Simple authorization"."""
    rules = [
        ACL(
            f"User:{name}",
            "*",
            ACLOperation[_constant(operation)],
            ACLPermissionType.ALLOW,
            ResourcePattern(
                TYPES[rule["resource"]["type"]],
                rule["resource"]["name"],
                PATTERNS[rule["resource"]["patternType"]],
            ),
        )
        for rule in user["spec"]["authorization"]["acls"]
        for operation in rule["operations"]
    ]
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    assert admin.create_acls(rules)["failed"] == []
    admin.close()


def _constant(operation: str) -> str:
    words = "".join(f"_{letter}" if letter.isupper() else letter for letter in operation)
    return words.lstrip("_").upper()


def test_a_worker_needs_no_more_rights_than_the_charts_user_has(
    guarded: SecureKafka, render: Callable[..., Any], tmp_path: Path, ring_lines: list[bytes]
) -> None:
    """It reads, writes dead letters, state and a finding, and delivers that to a webhook."""
    objects, kafka = render("strimzi"), guarded.kafka
    with receiving() as address:
        here = {
            **guarded.by_password(),
            "kafka_start_timeout_s": 0,
            "topics_partitions": 2,
            "topics_replication_factor": 1,
            "windows_idle_timeout_s": 1,
            "http_port": free_port(),
            "webhook_url": address,
            "webhook_secret": SECRET,
        }
        own = of_the_chart(objects, tmp_path, here)
        refused = run(own, "topics", "create")
        assert refused.returncode == 1
        assert "cannot be created" in refused.stderr
        made = run(own | as_admin(kafka), "topics", "create")
        assert made.returncode == 0, made.stderr
        allow(kafka, only(objects, "KafkaUser"))
        again = run(own, "topics", "create")  # as the init container does
        assert again.returncode == 0, again.stderr
        send(kafka, own["DISTILLWATCH_TOPICS_REQUESTS"], [b"not json", *ring_lines, LAST])
        send(kafka, own["DISTILLWATCH_TOPICS_VERDICTS"], [json.dumps(JUDGED).encode()])
        send(kafka, own["DISTILLWATCH_TOPICS_SUPPRESSIONS"], [json.dumps(SUPPRESSED).encode()])
        with worker(own, tmp_path) as one:
            one.until_ready()
            for name, labels in DONE:
                counted = partial(one.total, f"distillwatch_{name}", **labels)
                one.until(counted, within_s=60, what=name)
            assert one.stop() == 0
            assert "Authorization" not in one.log


def as_admin(kafka: ApacheKafka) -> dict[str, str]:
    """Return the variables of one who may do all."""
    return {
        "DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
        "DISTILLWATCH_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
    }


def test_an_enforcer_needs_no_more_rights_than_its_user_has(
    guarded: SecureKafka, render: Callable[..., Any], tmp_path: Path
) -> None:
    """It reads a decision, refuses by it, and reports that."""
    objects, kafka, port = render("strimzi"), guarded.kafka, free_port()
    here = {
        **guarded.by_password(kafka_username=OTHER_USER),
        "kafka_start_timeout_s": 0,
        "topics_partitions": 2,
        "topics_replication_factor": 1,
        "decisions_key": KEY,
        "decisions_mode": "propose",
        "enforcer_host": "127.0.0.1",
        "enforcer_port": port,
        "enforcer_tokens": TOKEN,
        "enforcer_report_s": 1,
        "http_port": free_port(),
    }
    own = of_the_chart(objects, tmp_path, here, component="enforcer")
    people = Enforcing(own | as_admin(kafka), tmp_path, port, cast("Any", kafka))
    assert run(people.environment, "topics", "create").returncode == 0
    allow(kafka, only(objects, "KafkaUser", "enforcer"), OTHER_USER)
    with worker(own, tmp_path, command="enforcer") as one:
        one.until_ready()
        people.decide("suspend", "acc-1")
        one.until(lambda: authorize(port, "acc-1") == FORBIDDEN, within_s=60, what="refusal")
        one.until(partial(reported, people.environment), within_s=60, what="effect")
        assert one.stop() == 0
        assert "Authorization" not in one.log


def reported(environment: dict[str, str]) -> bool:
    """Return whether the only decision is known to have refused a request."""
    listed = run(environment, "decisions", "--json")
    assert listed.returncode == 0, listed.stderr
    (decision,) = map(json.loads, listed.stdout.splitlines())
    return bool(decision["effect"]["refused"])


def of_the_chart(
    objects: Any, folder: Path, here: dict[str, object], component: str = ""
) -> dict[str, str]:
    """Return the environment that the chart gives, with what is different ``here``."""
    own = {k: v for k, v in os.environ.items() if "DISTILLWATCH_" not in k}
    given = {f"DISTILLWATCH_{name.upper()}": str(value) for name, value in here.items()}
    of_files = {f"{name}_FILE" for name in given} | {"DISTILLWATCH_INTAKE_SALT_FILE"}
    own |= environment(objects, folder, component)
    return {name: value for name, value in own.items() if name not in of_files} | given


def test_a_drill_needs_the_rights_that_the_chart_gives_on_request(
    guarded: SecureKafka, render: Callable[..., Any], tmp_path: Path
) -> None:
    """After the worker's test, whose user may not write requests."""
    here = {**guarded.by_password(), "kafka_start_timeout_s": 0}
    own = of_the_chart(render("strimzi"), tmp_path, here)
    refused = run(own, "drill", "--timeout", "2")
    assert refused.returncode == 1
    assert "Authorization" in refused.stderr
    more = ("--set", "strimzi.user.drills=true")
    allow(guarded.kafka, only(render("strimzi", arguments=more), "KafkaUser"))
    drilled = run(own, "drill", "--timeout", "2")
    assert drilled.returncode == 1
    assert "no worker has read" in drilled.stderr


def send(kafka: ApacheKafka, topic: str, values: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap, linger_ms=50)
    for number, value in enumerate(values):
        producer.send(topic, value, key=str(number).encode())
    producer.close()


def test_apache_kafka_accepts_the_settings_of_compose() -> None:
    """All but ports and folders, which are those of here."""
    moved = {"listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"}
    config = {name: value for name, value in BROKER.items() if name not in moved}
    with ApacheKafka(listeners={"OUTSIDE": "PLAINTEXT"}, config=config) as kafka:
        made = run(settings(kafka.address("OUTSIDE")), "topics", "create")
        assert made.returncode == 0, made.stderr
