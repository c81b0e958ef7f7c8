"""``distillwatch verdict``: labels an alert as true, false or benign."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from stream.cli.common import AuthorOption, ConfigOption, out, read_settings, record_of
from stream.core.feedback import Verdict
from stream.kafka.compacted_topics import write


def verdict(
    alert_id: Annotated[str, typer.Argument(help="From the alert: inc_...")],
    label: Annotated[
        str,
        typer.Argument(
            metavar="VERDICT",
            help="true_positive, false_positive, benign, or withdrawn to remove the label",
        ),
    ],
    author: AuthorOption,
    note: Annotated[str, typer.Option(metavar="N", help="The reason; shown in the alert")] = "",
    config: ConfigOption = None,
) -> None:
    """Label an alert: false_positive and benign resolve the incident and mute its cause."""
    record = record_of(
        Verdict,
        alert_id=alert_id,
        verdict=label,
        author=author,
        time=time.time(),
        note=note,
    )
    settings = read_settings(config)
    write(settings.kafka, settings.topics, settings.topics.verdicts, record)
    out.print(f"{alert_id}: {label} recorded; the next update will carry it", markup=False)
