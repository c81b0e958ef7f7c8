"""Shows how records of a log are decoded (`replay --explain-format`); it detects nothing."""

from __future__ import annotations

import sys
import time
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec
import typer

from stream.cli.common import out
from stream.intake.codec.explanation import Explainer
from stream.tools.report import formats
from stream.tools.report.record_results import RecordResults
from stream.tools.report.repeats import Repeats

if TYPE_CHECKING:
    from stream.intake.codec.settings import IntakeSettings
    from stream.pipeline.settings import StageSettings
    from stream.tools.replay.source import ReplaySource

#: Records of the overview; assumed: enough to meet every kind of record of a log.
_EXPLAINED_RECORDS: Final = 100


def explain_first(source: ReplaySource, intake: IntakeSettings) -> None:
    """Print an overview of the first records; exit code 1 when none is an event."""
    explainer, latest = Explainer(intake), time.time() + intake.max_future_s
    records = (record for _, records in source.parts() for record in records)
    found = formats.overview(
        explanation
        for record in islice(records, _EXPLAINED_RECORDS)
        for explanation in explainer.explain(record.value or b"", latest=latest)
    )
    out.print(formats.render(found))
    if not found.events:
        raise typer.Exit(1)


def explain_each(source: ReplaySource, settings: StageSettings) -> None:
    """Print how each record is decoded, as JSON lines."""
    intake = settings.intake
    repeats = Repeats(intake.duplicate_window_s, window_s=settings.windows.window_s)
    explainer, readings = Explainer(intake), RecordResults(repeats)
    latest = time.time() + intake.max_future_s
    for _, records in source.parts():
        for record in records:
            found = explainer.explain(record.value or b"", latest=latest)
            sys.stdout.buffer.write(msgspec.json.encode(readings.of(found)) + b"\n")
    sys.stdout.buffer.flush()
