"""One process that works: ``distillwatch worker`` itself, or one of its processes.

As one of several it is started by the supervisor (stream.worker.supervisor), as
``python -m stream.cli.worker_process NUMBER SOCKET [SETTINGS_FILE]``; no person starts it so.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stream.cli.common import collect_garbage_seldom, read_settings, report_errors, start_log
from stream.cli.compose import worker_components
from stream.worker.run import run
from stream.worker.shutdown_watchdog import ShutdownWatchdog
from stream.worker.supervisor.parent import end_with_supervisor

if TYPE_CHECKING:
    from stream.settings import Settings


def run_worker(settings: Settings, listening: socket.socket | None = None) -> None:
    """Run until SIGTERM or SIGINT; with ``listening`` its pages are there, not on http.port."""
    collect_garbage_seldom()
    run(worker_components(settings, listening), ShutdownWatchdog())


def _run(listening: str, file: str | None) -> None:
    start_log()
    settings = read_settings(None if file is None else Path(file))
    run_worker(settings, socket.socket(fileno=int(listening)))


if __name__ == "__main__":
    end_with_supervisor()
    with report_errors():
        _run(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None)  # noqa: PLR2004 - see above
