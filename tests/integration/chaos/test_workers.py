"""Workers that are killed, stalled, added and taken away: nothing is lost, nothing counts twice."""

import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from testlib.chaos import ChaosRound
from testlib.workers.product import PARTITIONS, Outcome, Product, sent_again

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.timeout(600)]

AT_WORK = 0.6
SHIFTED = Path(__file__).with_name("shifted_worker.py")


def test_an_undisturbed_worker_counts_every_event(calm: Outcome, lines: list[bytes]) -> None:
    assert calm.events == len(lines) - len(calm.dead_letters) - PARTITIONS
    assert calm.alerts


def test_kills_at_random_moments(
    product: Product, lines: list[bytes], calm: Outcome, chaos: ChaosRound
) -> None:
    dice = random.Random(4)
    kills, at_work = 0, 0
    with product.traffic(lines, seconds=4.5 * chaos.kills):
        product.start_ready()
        while at_work < chaos.kills:
            # Some die while they start; without the others a busy machine had none at work to kill.
            start = product.start_ready if dice.random() < AT_WORK else product.start
            start()
            time.sleep(dice.uniform(0.2, 3.0))
            victim = dice.choice(product.running)
            at_work += victim.ready()
            victim.kill()
            kills += 1
    product.start_ready()
    found = product.finish()
    print(f"{kills} kills, {at_work} of them at work; {found.events:,} events compared")
    assert found.differences(calm) == []


def test_workers_join_and_leave(
    product: Product, lines: list[bytes], calm: Outcome, chaos: ChaosRound
) -> None:
    with product.traffic(lines, seconds=chaos.seconds(30)):
        first = product.start_ready()
        second, third = product.start_ready(), product.start_ready()
        time.sleep(chaos.seconds(3))
        assert first.stop() == 0, product.logs()
        time.sleep(chaos.seconds(3))
        assert third.stop() == 0, product.logs()
        assert second.process.poll() is None
    assert product.finish().differences(calm) == []


def test_a_graceful_stop_leaves_nothing_to_repeat(
    product: Product, lines: list[bytes], calm: Outcome, chaos: ChaosRound
) -> None:
    with product.traffic(lines, seconds=chaos.seconds(20)):
        for _ in range(2):
            worker = product.start_ready()
            time.sleep(2)
            assert worker.stop() == 0, product.logs()
        product.start_ready()
    assert product.finish().differences(calm) == []
    assert sent_again(product) == 0


def test_a_stalled_worker_that_wakes_up_late(
    product: Product, lines: list[bytes], calm: Outcome, chaos: ChaosRound
) -> None:
    with product.traffic(lines, seconds=chaos.seconds(30)):
        stalled = product.start_ready()
        time.sleep(1)
        for _ in range(2):
            stalled.process.send_signal(signal.SIGSTOP)
            other = product.start_ready()  # after the session of the stalled one has ended
            time.sleep(2)
            stalled.process.send_signal(signal.SIGCONT)
            time.sleep(3)
            stalled = other
    assert product.finish().differences(calm) == []


def test_it_needs_no_disk(product: Product, lines: list[bytes], calm: Outcome) -> None:
    """No state directory: the limit makes every write to a file fail, as a full disk does."""

    def no_file() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    with product.traffic(lines, seconds=0):
        for _ in range(2):
            worker = product.start_ready(preexec_fn=no_file, output=subprocess.DEVNULL)
            time.sleep(2)
            worker.kill()
        product.start_ready(preexec_fn=no_file, output=subprocess.DEVNULL)
    assert product.finish().differences(calm) == []


def test_clocks_that_jump(
    product: Product, lines: list[bytes], calm: Outcome, chaos: ChaosRound
) -> None:
    """The worker lives on the day of the events; its clock jumps by hours, also backwards."""
    shift = product.folder / "shift"
    end = msgspec.json.decode(lines[-1])["timestamp"]
    now = end - time.time()
    shift.write_text(str(now))
    with product.traffic(lines, seconds=chaos.seconds(20)):
        product.start_ready(command=[sys.executable, str(SHIFTED), str(shift)])
        for jump_s in (3600, -4 * 3600, 86400, 0):
            time.sleep(chaos.seconds(4))
            shift.write_text(str(now + jump_s))
    assert product.finish().differences(calm) == []
