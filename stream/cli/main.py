"""The command line: one file per command, errors as one line, exit codes of the contract."""

from __future__ import annotations

import sys

import typer

from stream import __version__
from stream.cli import (
    bridge,
    demo,
    drill,
    replay,
    settings,
    simulate,
    suppress,
    topics,
    verdict,
    worker,
)
from stream.cli.common import err
from stream.errors import DistillwatchError

app = typer.Typer(
    name="distillwatch",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Find the accounts that extract a model through an LLM gateway.",
)
app.command("demo")(demo.demo)
app.command("worker")(worker.worker)
app.command("bridge")(bridge.bridge)
app.command("replay")(replay.replay)
app.command("simulate")(simulate.simulate)
app.command("drill")(drill.drill)
app.command("topics")(topics.topics)
app.command("verdict")(verdict.verdict)
app.add_typer(suppress.app, name="suppress")
app.command("settings")(settings.settings)


def _version(*, show: bool) -> None:
    if show:
        typer.echo(f"distillwatch {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: bool = typer.Option(
        False,  # noqa: FBT003 - typer's way to give a default
        "--version",
        callback=lambda value: _version(show=value),
        is_eager=True,
        help="Show the version",
    ),
) -> None:
    """Take the options that stand before a command."""
    del version


def run() -> None:
    """Run the command line; an error of ours is one line and an exit code."""
    try:
        app()
    except DistillwatchError as error:
        err.print(f"distillwatch: {error}", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    run()
