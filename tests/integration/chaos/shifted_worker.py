"""``distillwatch worker`` whose wall clock is off by the seconds in a file, read at each look."""

import sys
import time
from pathlib import Path

shift = Path(sys.argv.pop(1))
true_time = time.time
time.time = lambda: true_time() + float(shift.read_text() or 0)

from stream.cli.main import run  # noqa: E402 - only now is the clock wrong for all of it

sys.argv = ["distillwatch", "worker"]
run()
