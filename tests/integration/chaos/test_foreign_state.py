"""State and topics that do not fit: one line that says what to do, and doing it helps."""

import asyncio

import pytest

from stream.pipeline.schema import Schema
from stream.worker.changelog import Changelog
from stream.worker.record_batch import TP
from testlib.workers.product import TASKS, Product, delete, make_again

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.timeout(300)]

STAGES = ("accounts", "links", "alerting")


def refusal(product: Product, exit_code: int) -> str:
    """Return the one line that a worker ends with."""
    worker = product.start()
    assert worker.process.wait(60) == exit_code, product.logs()
    lines = worker.log.splitlines()
    said = [line for line in lines if line.startswith("distillwatch: ")]
    assert said == lines[-1:], lines
    assert "Traceback" not in worker.log
    return said[0]


def write_state(product: Product, topic: str, begin: tuple[str, bytes] | None) -> None:
    """Write a flush as a worker of another make has left it."""

    async def write() -> None:
        log = Changelog(TP(topic, 0), product.settings.kafka, product.settings.topics)
        await log.start()
        await log.write([(b"aaccount", b"\x00" * 100)], b"header", begin=begin)
        await log.stop()

    asyncio.run(write())


@pytest.mark.parametrize(
    "stage", [STAGES[0], *(pytest.param(stage, marks=pytest.mark.long) for stage in STAGES[1:])]
)
def test_state_of_a_newer_version_is_refused_until_it_is_deleted(
    stage: str, product: Product
) -> None:
    topic = f"{product.settings.topics.internal_prefix}{stage}-state"
    foreign = Schema(
        stage=stage, version=99, written_by="distillwatch 9.9", layout={"river": "0.99"}
    )
    write_state(product, topic, ("", foreign.encode()))
    said = refusal(product, 1)
    newer = "state was written by distillwatch 9.9, which is newer than this distillwatch"
    assert f"{topic}[0]: {stage} {newer}" in said
    assert "Run that version or a newer one" in said
    delete(product, topic)
    product.create_topics()
    product.start_ready()


def test_state_without_a_schema_is_refused(product: Product) -> None:
    topic = f"{product.settings.topics.internal_prefix}accounts-state"
    write_state(product, topic, None)
    assert "accounts state has no schema" in refusal(product, 1)


def test_a_changed_setting_is_named_and_setting_it_back_helps(
    product: Product, lines: list[bytes]
) -> None:
    with product.traffic(lines[:2000], seconds=0):
        product.start_ready()
    product.until(product.idle, within_s=60, what="end of the work")
    for worker in product.running:
        assert worker.stop() == 0
    product.environment["DISTILLWATCH_WINDOWS_WINDOW_S"] = "30"
    assert "windows.window_s is 30, was 60" in refusal(product, 1)
    del product.environment["DISTILLWATCH_WINDOWS_WINDOW_S"]
    product.start_ready()


@pytest.mark.parametrize(
    "name",
    [
        "events",
        "alerting-state",
        *(
            pytest.param(name, marks=pytest.mark.long)
            for name in ("links", "findings", "accounts-state", "links-state")
        ),
    ],
)
def test_another_number_of_partitions_is_refused_at_the_start(name: str, product: Product) -> None:
    topic = product.settings.topics.internal_prefix + name
    expected = 1 if name in {"findings", "alerting-state"} else TASKS
    make_again(product, topic, expected + 1)
    assert f"topic {topic} has {expected + 1} partitions instead of {expected}" in refusal(
        product, 2
    )


def test_an_internal_topic_that_was_made_again_is_refused_until_its_state_is_deleted(
    product: Product, lines: list[bytes]
) -> None:
    with product.traffic(lines, seconds=0):
        product.start_ready()
    product.finish()
    events = product.settings.topics.internal_prefix + "events"
    make_again(product, events, TASKS)
    said = refusal(product, 1)
    state = product.settings.topics.internal_prefix + "accounts-state"
    assert f"{state}[" in said
    assert "the topic that it reads was deleted and made again" in said
    assert f"delete topic {state}" in said
    delete(product, state)
    product.create_topics()
    product.start_ready()


def test_an_internal_topic_that_vanishes_under_a_worker_stops_it(
    product: Product, lines: list[bytes]
) -> None:
    with product.traffic(lines[:2000], seconds=0):
        worker = product.start_ready()
    product.until(product.idle, within_s=60, what="end of the work")
    make_again(product, product.settings.topics.internal_prefix + "events", TASKS)
    with product.traffic(lines[2000:4000], seconds=5):
        assert worker.process.wait(90) != 0
    assert "Traceback" not in worker.log
