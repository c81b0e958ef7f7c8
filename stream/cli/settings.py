"""``distillwatch settings``: every setting with value, unit, meaning and default."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from stream.cli.common import ConfigOption, read_settings
from stream.cli.describe import describe
from stream.cli.toml import toml_text


def settings(
    config: ConfigOption = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs")] = False,
) -> None:
    """Print every setting with value, unit, meaning and default, as a TOML settings file."""
    current = read_settings(config)
    if as_json:
        typer.echo(msgspec.json.encode(list(describe())).decode())
    else:
        typer.echo(toml_text(current), nl=False)
