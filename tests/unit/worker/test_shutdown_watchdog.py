from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from stream.worker.shutdown_watchdog import NEVER, ShutdownWatchdog

if TYPE_CHECKING:
    from collections.abc import Callable


class Timers:
    """Stands in for ``threading.Timer``: time passes when the test lets it."""

    def __init__(self) -> None:
        self.running: list[tuple[float, Callable[..., None], Any]] = []

    def __call__(self, seconds: float, expire: Callable[..., None], arguments: Any) -> Any:
        timers, entry = self, (seconds, expire, arguments)

        class Timer:
            daemon = False

            def start(self) -> None:
                assert self.daemon, "it must not keep the process alive"
                timers.running.append(entry)

            def cancel(self) -> None:
                timers.running.remove(entry)

        return Timer()

    def pass_by(self, seconds: float) -> None:
        for due, expire, arguments in self.running:
            if due <= seconds:
                expire(*arguments)


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    made = Timers()
    monkeypatch.setattr(threading, "Timer", made)
    return made


def test_it_ends_the_process_with_a_line_and_a_code(
    timers: Timers, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    ShutdownWatchdog(ended.append).set(10, line="refused", code=3)
    timers.pass_by(9)
    assert ended == []
    timers.pass_by(10)
    assert ended == [3]
    assert capsys.readouterr().err == "distillwatch: refused\n"


def test_it_ends_the_process_when_nothing_reads_its_log(
    timers: Timers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of a process whose supervisor was killed."""
    reader, writer = os.pipe()
    os.close(reader)
    ended: list[int] = []
    ShutdownWatchdog(ended.append).set(10, line="late", code=1)
    log = os.fdopen(writer, "w", buffering=1)
    monkeypatch.setattr(sys, "stderr", log)
    timers.pass_by(10)
    with suppress(BrokenPipeError):
        log.close()
    assert ended == [1]


def test_a_later_one_takes_the_place_of_an_earlier_one(timers: Timers) -> None:
    ended: list[int] = []
    watchdog = ShutdownWatchdog(ended.append)
    watchdog.set(20, code=1)
    watchdog.set(30, code=2)
    timers.pass_by(100)
    assert ended == [2]


def test_never_is_never(timers: Timers) -> None:
    NEVER.set(0.0)
    assert timers.running == []
