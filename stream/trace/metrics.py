"""Counts of the answers that can be traced, and of those that cannot."""

from __future__ import annotations

from typing import Final

from stream.telemetry.declaration import counter
from stream.telemetry.shared import SharedMetrics

RESULTS: Final = ("sketched", "absent", "too_short", "copied", "not_sampled")


class TraceMetrics(SharedMetrics):
    """Answers, by what intake does with them."""

    answers_total = counter(
        meaning="Requests by what intake does with the answer: it keeps hashes (sketched), or "
        "nothing: the log has no answer (absent), it has less than eight words (too_short), it "
        "repeats the request (copied), none of its hashes is in the share that is kept "
        "(not_sampled). 0 without trace.enabled",
        remedy="Only absent: let the gateway log answers (deploy/gateways), or `distillwatch "
        "trace` finds nothing",
        unit="answers",
        labels={"result": RESULTS},
    )
