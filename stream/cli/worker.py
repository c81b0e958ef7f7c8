"""``distillwatch worker``: runs a worker of the group until SIGTERM or SIGINT."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from stream.cli.common import ConfigOption, read_settings, settings_file, start_log
from stream.metrics import table
from stream.telemetry.process import COMBINE
from stream.telemetry.totals import combine_of
from stream.worker.supervisor.cores import available_cores
from stream.worker.supervisor.run import SupervisorComponents, run

if TYPE_CHECKING:
    from pathlib import Path

    from stream.settings import Settings


def worker(config: ConfigOption = None) -> None:
    """Run one worker on a Kafka cluster; start more of them to share the partitions."""
    settings = read_settings(config)
    count = _processes(settings)
    start_log("" if count == 1 else "supervisor | ")
    if count == 1:
        # A supervisor does not import it: the modules of a worker take 100 MiB.
        from stream.cli.worker_process import run_worker  # noqa: PLC0415

        run_worker(settings)
    else:
        run(_supervised(settings, count, settings_file(config)))


def _processes(settings: Settings) -> int:
    if settings.worker.processes == "auto":
        return min(available_cores(), settings.topics.partitions)
    return settings.worker.processes


def _supervised(settings: Settings, count: int, file: Path | None) -> SupervisorComponents:
    module = [sys.executable, "-m", "stream.cli.worker_process"]
    arguments = [] if file is None else [str(file)]
    return SupervisorComponents(
        count=count,
        command=lambda number, listening: [*module, str(number), str(listening), *arguments],
        http=settings.http,
        combine={**combine_of(table()), **COMBINE},
        # It answers nothing while it waits for brokers at its start.
        silent_after_s=settings.http.stalled_after_s + settings.kafka.start_timeout_s,
        page=bool(settings.page.token),
    )
