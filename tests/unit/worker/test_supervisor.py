"""What a supervisor does with processes that end, stay, or stop badly; the processes do no work."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest

from stream.core.errors import ProcessError
from stream.telemetry.totals import Totals
from stream.worker.supervisor.metrics import SupervisorMetrics
from stream.worker.supervisor.process_group import ProcessGroup
from stream.worker.supervisor.supervisor import RestartPolicy, Supervisor
from testlib.metrics import value
from testlib.paths import ROOT
from testlib.until import until_async

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

POLICY = RestartPolicy(most=2, first_pause_s=0.01, longest_pause_s=0.02, stop_within_s=2)
STAYS = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {STAYS}"


def ends_on_sigterm(code: int, *, before: str = "") -> str:
    """Return a program that ends with ``code`` on SIGTERM, having run ``before`` first.

    It waits for the signal itself. A handler in Python does not run while ``time.sleep`` runs, so a
    signal just before that call would wait for its end.
    """
    return f"""
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
{before}
print("up", flush=True)
signal.sigwait([signal.SIGTERM])
sys.exit({code})
"""


class Supervised:
    """A supervisor of processes that run Python programs, one for each number."""

    def __init__(self, session: aiohttp.ClientSession, programs: dict[int, str]) -> None:
        self.metrics = SupervisorMetrics()
        self.group = ProcessGroup(len(programs), session, silent_after_s=60)
        self.starts: list[int] = []
        self.stop = asyncio.Event()
        self._programs = programs
        totals = Totals({}, self.group.snapshots)
        self._supervisor = Supervisor(
            len(programs), self._command, self.group, totals, self.metrics, POLICY
        )

    def _command(self, number: int, listening: int) -> list[str]:
        assert os.fstat(listening)
        self.starts.append(number)
        return [sys.executable, "-S", "-c", self._programs[number]]

    async def run(self) -> None:
        await self._supervisor.run(self.stop)

    def restarts(self, end: str) -> float:
        return value(self.metrics, "process_restarts_total", end=end)


@pytest.fixture
async def supervised() -> AsyncIterator[Callable[..., Supervised]]:
    async with aiohttp.ClientSession() as session:
        yield lambda *programs: Supervised(session, dict(enumerate(programs, 1)))


async def up(made: Supervised, capfd: pytest.CaptureFixture[str], lines: int) -> None:
    seen = ""

    def all_up() -> bool:
        nonlocal seen
        seen += capfd.readouterr().err
        return seen.count("up\n") >= lines

    await until_async(all_up, what=f"{lines} processes")
    assert len(made.group.running) == len(set(made.starts))


async def test_a_process_that_ends_again_and_again_ends_the_worker(supervised, caplog) -> None:
    made = supervised("raise SystemExit(3)", STAYS)
    with pytest.raises(ProcessError, match=r"process 1 ended with code 3 .* 2 times") as caught:
        await made.run()
    assert caught.value.exit_code == 1
    assert made.starts.count(1) == 3  # once, and started again twice
    assert made.starts.count(2) == 1
    assert (made.restarts("failed"), made.restarts("killed")) == (2, 0)
    assert made.group.running == {}
    assert caplog.text.count("process 1 ended with code 3 and is started again") == 2


async def test_a_killed_process_is_started_again(supervised, capfd, caplog) -> None:
    made = supervised(STAYS, STAYS)
    running = asyncio.create_task(made.run())
    await up(made, capfd, 2)
    made.group.running[2].send(signal.SIGKILL)
    await up(made, capfd, 1)
    assert made.starts == [1, 2, 2]
    assert (made.restarts("failed"), made.restarts("killed")) == (0, 1)
    assert "process 2 was killed by SIGKILL and is started again in 0.01 s" in caplog.text
    made.stop.set()
    await running  # SIGTERM ends them as it ends one that has not begun


async def test_a_process_that_cannot_use_its_settings_is_not_started_again(supervised) -> None:
    made = supervised("raise SystemExit(2)", STAYS)
    with pytest.raises(ProcessError, match="cannot use its settings") as caught:
        await made.run()
    assert caught.value.exit_code == 2
    assert made.starts.count(1) == 1


async def test_a_stop_waits_for_all_and_kills_who_stays(supervised, capfd, caplog) -> None:
    caplog.set_level(logging.INFO)
    made = supervised(ends_on_sigterm(0), STUBBORN)
    running = asyncio.create_task(made.run())
    await up(made, capfd, 2)
    made.stop.set()
    began = time.monotonic()
    with pytest.raises(ProcessError, match="process 2 was killed by SIGKILL"):
        await running
    assert time.monotonic() - began >= POLICY.stop_within_s
    assert made.group.ready() == (False, "stopping")
    assert made.group.running == {}
    assert "1 processes did not stop in time" in caplog.text


async def test_a_stop_is_clean_when_every_process_ends_well(supervised, capfd) -> None:
    good, bad = ends_on_sigterm(0), ends_on_sigterm(1)
    for program in (good, bad):
        made = supervised(good, program)
        running = asyncio.create_task(made.run())
        await up(made, capfd, 2)
        made.stop.set()
        if program == good:
            await running
        else:
            with pytest.raises(ProcessError, match="process 2 ended with code 1 while it was sto"):
                await running


async def test_each_line_of_the_log_names_its_process(supervised, capfd) -> None:
    code = "import sys; print('one\\ntwo', flush=True); sys.stderr.write('three'); sys.exit(2)"
    with pytest.raises(ProcessError):
        await supervised(code).run()
    lines = capfd.readouterr().err.splitlines()
    assert lines == ["process 1 | one", "process 1 | two", "process 1 | three"]


async def test_a_command_that_cannot_be_run_is_one_line(supervised, monkeypatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(ProcessError, match=r"process 1 cannot be started: .*No such file"):
        await supervised(STAYS).run()


def test_a_process_ends_with_its_supervisor() -> None:
    watch = "from stream.worker.supervisor.parent import end_with_supervisor as w; w()"
    with subprocess.Popen(
        [sys.executable, "-c", ends_on_sigterm(7, before=watch)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == b"up\n"
        assert process.poll() is None
        process.stdin.close()
        assert process.wait(30) == 7


def test_pauses_grow_up_to_a_bound() -> None:
    policy = RestartPolicy()
    assert [policy.pause_s(n) for n in (1, 2, 5, 6, 99)] == [1, 2, 16, 30, 30]
