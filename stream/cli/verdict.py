"""``distillwatch verdict``: what a person says of an alert."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from stream.cli.common import ConfigOption, out, read_settings, said
from stream.core.feedback import Verdict
from stream.kafka.registers import write

AuthorOption = Annotated[str, typer.Option("--author", metavar="A", help="Who says so")]


def verdict(
    alert_id: Annotated[str, typer.Argument(help="As the alert has it: inc_...")],
    judged: Annotated[
        str,
        typer.Argument(
            metavar="VERDICT",
            help="true_positive, false_positive, benign, or withdrawn to take one back",
        ),
    ],
    author: AuthorOption,
    note: Annotated[str, typer.Option(metavar="N", help="Why; the alert will have it")] = "",
    config: ConfigOption = None,
) -> None:
    """Judge an alert: a false positive or benign one is resolved and kept quiet."""
    record = said(
        Verdict,
        alert_id=alert_id,
        verdict=judged,
        author=author,
        time=time.time(),
        note=note,
    )
    settings = read_settings(config)
    write(settings.kafka, settings.topics, settings.topics.verdicts, record)
    out.print(f"{alert_id}: {judged}; the next alert of it says so", markup=False)
