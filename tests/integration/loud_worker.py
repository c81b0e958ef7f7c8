"""``distillwatch worker`` that logs all that can be logged, libraries and asyncio included."""

import asyncio
import logging
import sys

from stream.cli.main import run
from stream.worker import run as worker

logging.basicConfig(stream=sys.stderr, level=logging.DEBUG)
logging.captureWarnings(capture=True)
worker.quiet_library_logs = worker.silence_library_logs = lambda: None


def debugging():
    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    return loop


vars(worker).update(new_event_loop=debugging)
run()
