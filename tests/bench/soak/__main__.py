"""Run a soak, or report on one that ran: ``python -m soak --hours 2``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from soak.report import report
from soak.run import Plan, run


def main() -> int:
    """Run and report; exit code 1 when a promise is broken."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=2.4, help="of the clock; 2.4: thirty days")
    parser.add_argument("--pace", type=float, default=300.0, help="event time per time")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--older", default="HEAD", help="commit that runs before the upgrade")
    parser.add_argument("--out", type=Path, help="folder (default: ./soak-<time>)")
    parser.add_argument("--report-only", type=Path, metavar="DIR", help="no run: its report again")
    options = parser.parse_args()
    folder = options.report_only
    if folder is None:
        folder = (options.out or Path(f"soak-{time.strftime('%Y%m%d-%H%M')}")).absolute()
        run(Plan(options.hours, options.pace, options.seed, options.older, folder))
    return 0 if report(folder) else 1


if __name__ == "__main__":
    sys.exit(main())
