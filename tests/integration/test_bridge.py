"""``distillwatch bridge`` as a process: what is posted is what the worker reads."""

import json
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from testlib.ports import free_port
from testlib.workers.command import run, settings
from testlib.workers.worker import worker

pytestmark = pytest.mark.integration

TOKEN = "0123456789abcdef"  # noqa: S105 - of this test
SAMPLES = 300


@pytest.fixture
def environment(bootstrap, broker):
    made = settings(
        bootstrap,
        bridge_tokens=TOKEN,
        bridge_port=free_port(),
        kafka_transactions=str(broker == "kafka").lower(),
    )
    assert run(made, "topics", "create").returncode == 0
    return made


@contextmanager
def bridge(environment, folder):
    pages = environment | {"DISTILLWATCH_HTTP_PORT": str(free_port())}
    with worker(pages, folder, command="bridge") as started:
        started.until_ready()
        yield started


def post(environment, body, token=TOKEN):
    request = urllib.request.Request(
        f"http://127.0.0.1:{environment['DISTILLWATCH_BRIDGE_PORT']}/",
        data=body,
        headers={"Authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - on loopback
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def body(count, size=0):
    event = {"timestamp": time.time(), "model": "m", "prompt": "x" * size}
    return json.dumps([event | {"account_id": f"a{n}"} for n in range(count)]).encode()


def test_what_is_posted_is_what_the_worker_reads(environment, tmp_path):
    with bridge(environment, tmp_path) as started:
        assert post(environment, body(1)) == 200
        assert post(environment, body(1), token="another") == 401  # noqa: S106
        assert post(environment, body(SAMPLES, size=10_000)) == 200  # 3 MB: several records
        assert started.total("distillwatch_bridge_records_total") > 2
        assert started.stop() == 0
    with worker(environment, tmp_path) as reading:
        reading.until(
            lambda: reading.total("distillwatch_events_total", result="accepted") == 1 + SAMPLES,
            what="events",
        )
        assert reading.total("distillwatch_events_total", result="rejected") == 0


def test_a_bridge_ends_at_once_when_it_must_not_run(environment):
    ended = run(environment | {"DISTILLWATCH_BRIDGE_TOKENS": ""}, "bridge")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "bridge.tokens" in ended.stderr
    missing = environment | {"DISTILLWATCH_TOPICS_REQUESTS": "no.such.topic"}
    ended = run(missing, "bridge")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "topics create" in ended.stderr
