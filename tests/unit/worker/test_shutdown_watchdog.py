import queue

import pytest

from stream.worker.shutdown_watchdog import NEVER, ShutdownWatchdog


def test_it_ends_the_process_with_a_line_and_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    ended: queue.Queue[int] = queue.Queue()
    ShutdownWatchdog(ended.put).set(0.01, line="refused", code=3)
    assert ended.get(timeout=5) == 3
    assert capsys.readouterr().err == "distillwatch: refused\n"


def test_a_later_one_takes_the_place_of_an_earlier_one() -> None:
    ended: queue.Queue[int] = queue.Queue()
    watchdog = ShutdownWatchdog(ended.put)
    watchdog.set(0.2, code=1)
    watchdog.set(0.3, code=2)
    assert ended.get(timeout=5) == 2
    with pytest.raises(queue.Empty):
        ended.get(timeout=0.3)


def test_never_is_never() -> None:
    NEVER.set(0.0)
