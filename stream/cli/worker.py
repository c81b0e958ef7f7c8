"""``distillwatch worker``: one worker of the group, until it is told to stop."""

from __future__ import annotations

import logging
import sys

from stream.cli.common import ConfigOption, read_settings
from stream.cli.compose import plan
from stream.worker.deadline import Deadline
from stream.worker.run import run


def worker(config: ConfigOption = None) -> None:
    """Run one worker on a Kafka cluster; start more of them to share the partitions."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    run(plan(read_settings(config)), Deadline())
