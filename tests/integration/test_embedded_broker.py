import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest
from kafka import KafkaConsumer, KafkaProducer

from stream.embedded.broker import EmbeddedBroker
from stream.errors import BrokerError

pytestmark = pytest.mark.integration


def _alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_it_takes_and_gives_records_and_is_gone_after_the_block() -> None:
    with EmbeddedBroker() as broker:
        pid = broker.pid
        assert pid is not None
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
        producer.send("t", b"value").get(10)
        producer.close()
        consumer = KafkaConsumer(
            "t", bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest"
        )
        record = next(consumer)
        consumer.close()
        log = broker.log
    assert record.value == b"value"
    assert not _alive(pid)
    assert log is not None
    assert not log.exists()


def test_two_brokers_do_not_meet() -> None:
    with EmbeddedBroker() as one, EmbeddedBroker() as two:
        assert one.bootstrap != two.bootstrap


def test_a_killed_parent_leaves_no_broker_behind() -> None:
    code = (
        "import time\n"
        "from stream.embedded.broker import EmbeddedBroker\n"
        "with EmbeddedBroker() as broker:\n"
        "    print(broker.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert _alive(pid)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(pid)


def test_a_missing_binary_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", "/nowhere/tansu")
    with pytest.raises(BrokerError, match="no broker binary"), EmbeddedBroker():
        pass


def test_a_binary_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", "/bin/false")
    with pytest.raises(BrokerError, match="ended with code 1"), EmbeddedBroker():
        pass
