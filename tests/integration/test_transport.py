import signal
import time
from collections import Counter

import pytest

from testlib.workers.cluster import Cluster

pytestmark = pytest.mark.integration


def _names(records: int, accounts: int = 200) -> list[str]:
    return [f"a{i * 7 % accounts}" for i in range(records)]


def test_everything_is_counted_and_a_stop_is_clean(a_cluster: Cluster) -> None:
    a_cluster.create()
    names = _names(20_000)
    a_cluster.produce(names)
    worker = a_cluster.start()
    a_cluster.wait_total(20_000)
    assert worker.stop() == 0, a_cluster.logs()
    assert a_cluster.counts() == Counter(names)


def test_a_header_name_that_is_no_utf8_stops_nothing(a_cluster: Cluster) -> None:
    a_cluster.create()
    first, damaged, last = _names(500), _names(40), _names(300)
    worker = a_cluster.start()
    a_cluster.produce(first)
    a_cluster.produce_with_damaged_header(damaged)
    a_cluster.produce(last)
    a_cluster.wait_total(len(first + damaged + last))
    assert worker.stop() == 0, a_cluster.logs()
    assert a_cluster.counts() == Counter(first + damaged + last)


def test_a_rebalance_while_it_stops_closes_nothing_early(a_cluster: Cluster) -> None:
    a_cluster.create()
    names = _names(2_000)
    worker = a_cluster.start("late")
    a_cluster.produce(names)
    a_cluster.wait_total(2_000)
    assert worker.stop() == 0, a_cluster.logs()
    assert "another thread" not in a_cluster.logs()
    assert a_cluster.counts() == Counter(names)


def test_a_backlog_is_not_reported_as_a_stream_that_does_not_process(a_cluster: Cluster) -> None:
    a_cluster.create()
    names = _names(5_000)
    a_cluster.produce(names)
    worker = a_cluster.start("behind")
    for _ in range(4):
        a_cluster.produce(_names(1_000))
    a_cluster.wait_total(9_000)
    assert worker.stop() == 0, a_cluster.logs()
    assert "Stream has" not in a_cluster.logs()


def test_kills_at_any_moment_lose_and_repeat_nothing(a_cluster: Cluster) -> None:
    a_cluster.create()
    names: list[str] = []
    for pause_s in (0.3, 1.1, 0.7):
        worker = a_cluster.start()
        portion = _names(5_000)
        a_cluster.produce(portion)
        before, names = len(names), names + portion
        # At work by then, and the pause ends anywhere between two flushes.
        a_cluster.wait_more(before)
        time.sleep(pause_s)
        worker.kill()
    last = a_cluster.start()
    a_cluster.produce(_names(1_000))
    names += _names(1_000)
    a_cluster.wait_total(len(names))
    assert last.stop() == 0, a_cluster.logs()
    assert a_cluster.counts() == Counter(names)


def test_workers_share_and_one_takes_over_from_a_dead_one(a_cluster: Cluster) -> None:
    a_cluster.create()
    first, second = a_cluster.start(), a_cluster.start()
    a_cluster.produce(_names(5_000))
    a_cluster.wait_total(5_000)
    first.kill()
    killed = time.monotonic()
    a_cluster.produce(_names(5_000))
    a_cluster.wait_total(10_000)
    print(f"taken over after {time.monotonic() - killed:.1f} s")
    assert time.monotonic() - killed < 20, a_cluster.logs()
    assert second.stop() == 0, a_cluster.logs()
    assert a_cluster.counts() == Counter(_names(5_000) * 2)


@pytest.mark.needs("transactions")
def test_a_stalled_worker_that_wakes_up_late_does_no_harm(a_cluster: Cluster) -> None:
    a_cluster.create()
    stalled = a_cluster.start()
    a_cluster.produce(_names(5_000))
    a_cluster.wait_total(5_000)
    a_cluster.produce(_names(3_000))  # so that it stalls with work at hand
    stalled.process.send_signal(signal.SIGSTOP)
    second = a_cluster.start()
    a_cluster.produce(_names(2_000))
    a_cluster.wait_total(10_000)
    stalled.process.send_signal(signal.SIGCONT)
    a_cluster.produce(_names(2_000))
    a_cluster.wait_total(12_000)
    time.sleep(8)  # heartbeats, fenced flushes and the rebalance of its return
    a_cluster.produce(_names(1_000))
    a_cluster.wait_total(13_000)
    assert second.stop() == 0, a_cluster.logs()
    assert stalled.stop() == 0, a_cluster.logs()
    counted = Counter(_names(5_000) + _names(3_000) + _names(2_000) + _names(2_000) + _names(1_000))
    assert a_cluster.counts() == counted


def test_loading_may_take_longer_than_any_answer_of_a_broker(a_cluster: Cluster) -> None:
    a_cluster.create()
    names = _names(4_000)
    a_cluster.produce(names)
    first = a_cluster.start()
    a_cluster.wait_total(4_000)
    assert first.stop() == 0, a_cluster.logs()
    second = a_cluster.start("slow")
    a_cluster.produce(names)
    a_cluster.wait_total(8_000, within_s=90)
    assert second.stop() == 0, a_cluster.logs()
    assert a_cluster.counts() == Counter(names * 2)


def test_partitions_may_move_while_they_are_loaded(a_cluster: Cluster) -> None:
    a_cluster.create()
    names = _names(4_000)
    a_cluster.produce(names)
    first = a_cluster.start()
    a_cluster.wait_total(4_000)
    assert first.stop() == 0, a_cluster.logs()
    slow = a_cluster.start("slow")
    time.sleep(5)  # it is loading
    third = a_cluster.start("slow")
    time.sleep(5)  # both are loading
    assert slow.stop() == 0, a_cluster.logs()
    a_cluster.produce(names)
    a_cluster.wait_total(8_000, within_s=90)
    assert third.stop() == 0, a_cluster.logs()
    assert a_cluster.counts() == Counter(names * 2)


def test_a_seek_while_records_are_fetched_skips_none(a_cluster: Cluster) -> None:
    a_cluster.create()
    worker = a_cluster.start("sought")
    names: list[str] = []
    for _ in range(8):
        portion = _names(2_000)
        a_cluster.produce(portion)
        names += portion
        time.sleep(1)
    a_cluster.wait_total(len(names))
    assert worker.stop() == 0, a_cluster.logs()
    assert a_cluster.counts() == Counter(names)


def test_a_failing_stage_stops_the_worker_and_loses_nothing(a_cluster: Cluster) -> None:
    a_cluster.create()
    a_cluster.produce([*_names(2_000), "raise"])
    worker = a_cluster.start()
    assert worker.process.wait(30) == 1
    assert "told to" in worker.log
    # "raise" is offset 500 of partition 0: its carrier was neither counted nor committed.
    assert a_cluster.last_applied().get("0", -1) < 500
    assert a_cluster.committed().get(0, 0) <= 500


def test_silent_partitions_are_said_to_be_silent(a_cluster: Cluster) -> None:
    a_cluster.create()
    a_cluster.start()
    said = a_cluster.read(a_cluster.topics.deadletter, lambda _: True, within_s=30)
    assert said[:1] == [b"idle"], a_cluster.logs()


def test_missing_topics_are_named_and_the_exit_code_is_two(a_cluster: Cluster) -> None:
    worker = a_cluster.start()
    assert worker.process.wait(30) == 2
    assert f"topic {a_cluster.topics.requests} is missing" in worker.log


def test_an_unreachable_broker_is_tried_again_line_by_line() -> None:
    unreachable = Cluster("127.0.0.1:9", "t", transactions=False)
    worker = unreachable.start()
    try:
        assert worker.process.wait(30) == 1
        log = worker.log
        assert "attempt 1: broker 127.0.0.1:9: unreachable" in log
        assert "attempt 2: broker 127.0.0.1:9: unreachable" in log
    finally:
        unreachable.close()
