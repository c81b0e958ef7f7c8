"""``distillwatch worker``: runs one worker of the group until SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import sys

from stream.cli.common import ConfigOption, collect_garbage_seldom, read_settings
from stream.cli.compose import worker_components
from stream.worker.run import run
from stream.worker.shutdown_watchdog import ShutdownWatchdog


def worker(config: ConfigOption = None) -> None:
    """Run one worker on a Kafka cluster; start more of them to share the partitions."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    collect_garbage_seldom()
    run(worker_components(read_settings(config)), ShutdownWatchdog())
