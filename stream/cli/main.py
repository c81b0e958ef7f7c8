"""The command line: one file per command, errors as one line, exit codes of the contract."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import typer
from typer.core import TyperGroup

from stream import __version__
from stream.cli.common import report_errors

if TYPE_CHECKING:
    from typer._click import Command, Context

#: Commands in the order of the help. Each is the function of its name, or the ``app`` with
#: commands of its own, in the module of its name.
_COMMANDS: Final = (
    "demo",
    "worker",
    "bridge",
    "replay",
    "simulate",
    "drill",
    "accounts",
    "topics",
    "verdict",
    "suppress",
    "forget",
    "decide",
    "approve",
    "refuse",
    "undo",
    "decisions",
    "explain",
    "enforcer",
    "report",
    "trace",
    "share",
    "settings",
)


class _Commands(TyperGroup):
    """Imports a command when it is used: imports take most of the second that a start takes."""

    def list_commands(self, ctx: Context) -> list[str]:
        """Return the names."""
        del ctx
        return list(_COMMANDS)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """Return a command by its name."""
        del ctx
        return _command(cmd_name) if cmd_name in _COMMANDS else None


def _command(name: str) -> Command:
    module: Any = import_module(f"stream.cli.{name}")
    commands = getattr(module, "app", None)
    if commands is None:
        commands = typer.Typer(add_completion=False)
        commands.command()(getattr(module, name))
    command = typer.main.get_command(commands)
    command.name = name
    return command


app = typer.Typer(
    cls=_Commands,
    name="distillwatch",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Detect accounts and campaigns that extract a model through an LLM gateway.",
    epilog=f"Documents of {__version__}: README.md, docs and deploy of its source distribution.",
)


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
    """Accept the options before a command."""
    del version


def run() -> None:
    """Run the command line; an error of ours is one line and an exit code."""
    with report_errors():
        app()


if __name__ == "__main__":
    run()
