"""One run of one process of a worker, from its start to its end, and what it last answered."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout
from yarl import URL

from stream.http.samples import PATH
from stream.telemetry.snapshot import FamilySnapshot, decode
from stream.worker.supervisor.log_relay import relay

if TYPE_CHECKING:
    import signal
    from asyncio.subprocess import Process
    from collections.abc import Callable, Sequence

_HOST: Final = "127.0.0.1"
_PROBE_S: Final = 2.0
_SCRAPE_S: Final = 5.0
#: Its log is read for this long after its end.
_LAST_LINES_S: Final = 2.0


@dataclass(eq=False)
class WorkerProcess:
    """A process that serves its pages on ``port`` of loopback.

    ``answered`` is when it last answered, or its start; monotonic seconds, as ``started``.
    """

    number: int
    process: Process
    port: int
    started: float = field(default_factory=time.monotonic)
    answered: float = field(default_factory=time.monotonic)
    has_answered: bool = False
    live: tuple[bool, str] = (True, "ok")
    ready: tuple[bool, str] = (False, "starting")
    samples: list[FamilySnapshot] = field(default_factory=list)

    async def ended(self) -> int:
        """Pass its log on until it ends; return its exit code, negative for a signal."""
        output = cast("asyncio.StreamReader", self.process.stdout)  # a pipe, see start
        log = asyncio.create_task(relay(output, b"process %d | " % self.number))
        code = await self.process.wait()
        await asyncio.wait([log], timeout=_LAST_LINES_S)
        log.cancel()
        return code

    def send(self, number: signal.Signals) -> None:
        """Send a signal; one that has ended gets none."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def url(self, path: str) -> URL:
        """Return the address of one of its pages."""
        return URL.build(scheme="http", host=_HOST, port=self.port, path=path)

    async def probe(self, session: ClientSession) -> None:
        """Get its state; without an answer it is not ready, and as alive as it was."""
        ready, live = await asyncio.gather(
            self._get(session, "/readyz", _PROBE_S), self._get(session, "/livez", _PROBE_S)
        )
        if ready:
            self.ready = _state(ready)
        elif self.has_answered:
            self.ready = False, "no answer"
        if live:
            self.live = _state(live)

    async def scrape(self, session: ClientSession) -> None:
        """Take its metrics; without an answer those of the last time stay."""
        found = await self._get(session, PATH, _SCRAPE_S)
        if found is not None:
            with contextlib.suppress(msgspec.MsgspecError):
                self.samples = decode(found[1])

    async def _get(
        self, session: ClientSession, path: str, within_s: float
    ) -> tuple[int, bytes] | None:
        try:
            timeout = ClientTimeout(total=within_s)
            async with session.get(self.url(path), timeout=timeout) as response:
                found = response.status, await response.read()
        except (ClientError, TimeoutError, OSError):
            return None
        self.answered, self.has_answered = time.monotonic(), True
        return found


async def start(number: int, command: Callable[[int, int], Sequence[str]]) -> WorkerProcess:
    """Start a process; ``command`` gets its number and the socket it has to listen on.

    The socket is made here, so no two processes take one port and its number is known. Standard
    input is a pipe that ends with this process (see stream.worker.supervisor.parent). A process
    group of its own keeps the terminal's Ctrl-C to the supervisor, which stops all in order.
    """
    with socket.create_server((_HOST, 0)) as listening:
        process = await asyncio.create_subprocess_exec(
            *command(number, listening.fileno()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            pass_fds=(listening.fileno(),),
            process_group=0,
        )
        return WorkerProcess(number, process, int(listening.getsockname()[1]))


def _state(answer: tuple[int, bytes]) -> tuple[bool, str]:
    status, text = answer
    return status == 200, text.decode(errors="replace").strip()  # noqa: PLR2004 - HTTP's
