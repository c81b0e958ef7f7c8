import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError as AIOKafkaError
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from stream.core.errors import BrokerError
from stream.tools.embedded import binary
from stream.tools.embedded.broker import EmbeddedBroker
from testlib.until import until

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
        "from stream.tools.embedded.broker import EmbeddedBroker\n"
        "with EmbeddedBroker() as broker:\n"
        "    print(broker.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert _alive(pid)
        parent.send_signal(signal.SIGKILL)
    until(lambda: not _alive(pid), what="end of the broker", within_s=5)


def _started_in(
    folder: str | Path, *, writable_bytes: int = -1, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Start a broker in a process of its own and return what that printed."""
    code = (
        "from stream.tools.embedded.broker import EmbeddedBroker\n"
        "with EmbeddedBroker() as broker: print(broker.log)\n"
    )
    if writable_bytes >= 0:
        limit = f"resource.RLIMIT_FSIZE, ({writable_bytes}, {writable_bytes})"
        code = f"import resource\nresource.setrlimit({limit})\n{code}"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
        | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="not even root writes to /proc")
def test_it_needs_neither_home_nor_a_directory_that_can_be_written(tmp_path: Path) -> None:
    done = _started_in("/proc", HOME="/proc", TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_write_to_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    last = _started_in(tmp_path, writable_bytes=0).stderr.splitlines()[-1]
    assert "BrokerError: embedded broker: no directory for temporary files can be written" in last
    assert "TMPDIR" in last
    assert "machine" not in last


def _program(tmp_path: Path, content: bytes, mode: int = 0o755) -> str:
    path = tmp_path / "tansu"
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


def test_a_missing_binary_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", "/nowhere/tansu")
    with pytest.raises(BrokerError, match="no broker binary: CALF_TANSU_BIN=/nowhere/tansu"):
        EmbeddedBroker().__enter__()


def test_a_binary_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", "/bin/false")
    with pytest.raises(BrokerError, match="ended with code 1"), EmbeddedBroker():
        pass


def test_only_a_binary_of_another_machine_is_said_to_be_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CALF_TANSU_BIN", _program(tmp_path, b"\x7fELF of another machine"))
    with pytest.raises(BrokerError, match=r"does not start: it is not for this machine \("):
        EmbeddedBroker().__enter__()
    monkeypatch.setenv("CALF_TANSU_BIN", _program(tmp_path, b"#!/nowhere/interpreter\n"))
    with pytest.raises(BrokerError, match=r"does not start: .*No such file") as caught:
        EmbeddedBroker().__enter__()
    assert "machine" not in str(caught.value)


def test_a_bundled_binary_without_the_right_to_run_is_copied(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package, folder = tmp_path / "package", tmp_path / "folder"
    (package / "bin").mkdir(parents=True)
    folder.mkdir()
    bundled = Path(_program(package / "bin", b"#!/bin/sh\n", 0o644))
    monkeypatch.setattr(binary.importlib.resources, "files", lambda _: package)
    assert binary.program(folder) == str(folder / "tansu")
    assert os.access(folder / "tansu", os.X_OK)
    bundled.chmod(0o755)
    assert binary.program(folder) == str(bundled)


def test_it_still_has_no_transactions() -> None:
    """The reason ``transactions`` of LACKS: with them, the marked tests could run here."""

    async def transact(bootstrap: str) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap, transactional_id="t", request_timeout_ms=3000
        )
        try:
            async with asyncio.timeout(5):
                await producer.start()
                async with producer.transaction():
                    await producer.send_and_wait("t", b"value")
        finally:
            await producer.stop()

    with EmbeddedBroker() as broker, pytest.raises((AIOKafkaError, TimeoutError)):
        asyncio.run(transact(broker.bootstrap))


def test_it_still_tells_ends_wrongly() -> None:
    """The reason ``ends`` of LACKS: the base offset of the last batch plus one."""
    with EmbeddedBroker() as broker:
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap, linger_ms=500)
        for future in [producer.send("t", b"value", partition=0) for _ in range(10)]:
            future.get(10)
        producer.close()
        consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap)
        end = consumer.end_offsets([TopicPartition("t", 0)])[TopicPartition("t", 0)]
        consumer.close()
    assert end < 10


def test_it_still_cannot_add_partitions() -> None:
    """The reason ``growth`` of LACKS."""
    with EmbeddedBroker() as broker:
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
        admin.create_topics({"t": {"num_partitions": 1, "replication_factor": 1}})
        with pytest.raises(KafkaError):
            admin.create_partitions({"t": 2})
        admin.close()


def test_it_still_does_not_say_that_an_offset_is_out_of_range() -> None:
    """The reason ``ranges`` of LACKS: a position beyond the end of the log gets nothing."""
    with EmbeddedBroker() as broker:
        producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
        producer.send("t", b"value", partition=0).get(10)
        producer.close()
        consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="none")
        consumer.assign([TopicPartition("t", 0)])
        consumer.seek(TopicPartition("t", 0), 100)
        assert consumer.poll(timeout_ms=2000) == {}  # Apache Kafka: OffsetOutOfRangeError
        consumer.close()
