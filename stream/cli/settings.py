"""``distillwatch settings``: every setting with default, unit and meaning."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer
from rich.table import Table

from stream.cli.common import ConfigOption, out, read_settings
from stream.settings import Setting, describe, values


def settings(
    config: ConfigOption = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs")] = False,
) -> None:
    """Print every setting with its value, default, unit and meaning."""
    current = values(read_settings(config))
    found = list(describe())
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    out.print(_table(found, current))


def _table(found: list[Setting], current: dict[str, str]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("setting", no_wrap=True)
    for name in ("value", "default", "unit", "meaning"):
        table.add_column(name, overflow="fold")
    for setting in found:
        value = current[setting.name]
        changed = value != setting.default
        table.add_row(
            setting.name,
            f"[bold]{value}[/]" if changed else value,
            setting.default,
            setting.unit,
            setting.meaning,
        )
    return table
