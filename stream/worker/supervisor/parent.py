"""Ends a worker process whose supervisor is gone, however that ended."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from stream.worker.shutdown_watchdog import STOP_WITHIN_S


def end_with_supervisor() -> None:
    """Watch standard input, a pipe that the supervisor holds open and never writes to.

    At its end the process stops as on SIGTERM, with a checkpoint. A thread watches it, because the
    event loop may be busy.
    """
    threading.Thread(target=_watch, args=(sys.stdin.fileno(),), daemon=True).start()


def _watch(pipe: int) -> None:
    while os.read(pipe, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_WITHIN_S)
    os._exit(1)
