"""What the commands share: reading settings, and where text for people goes."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import msgspec
import typer
from rich.console import Console

from stream.core.errors import DistillwatchError, UsageError
from stream.core.plain_text import plain
from stream.settings import Settings, load

Record = TypeVar("Record", bound=msgspec.Struct)


class PlainConsole(Console):
    """A terminal that no text of others moves: of text, nothing but printable lines is written."""

    def print(self, *objects: Any, **options: Any) -> None:  # noqa: ANN401 - as rich has it
        """Print as rich does."""
        shown = ["\n".join(map(plain, o.split("\n"))) if isinstance(o, str) else o for o in objects]
        super().print(*shown, **options)


#: Results go to standard output, progress and errors to standard error.
out = PlainConsole(highlight=False)
err = PlainConsole(stderr=True, highlight=False)

_DEFAULT = Path("distillwatch.toml")
#: New objects, some 100 bytes each, until Python looks for cycles among them; its default is 700.
_YOUNG_OBJECTS: Final = 50_000

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="F",
        envvar="DISTILLWATCH_CONFIG",
        help=f"Settings file (default: {_DEFAULT}, if there is one)",
    ),
]


AuthorOption = Annotated[str, typer.Option("--author", metavar="A", help="Your name")]

_UNITS_S: Final = {"m": 60.0, "h": 3600.0, "d": 86400.0}


def duration_s(text: str, *, option: str) -> float:
    """Return the seconds of a duration such as 30m, 8h or 14d; raises UsageError."""
    found = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if found is None:
        raise UsageError(f"{option}: expected 30m, 8h or 14d, not {text!r}")
    return int(found[1]) * _UNITS_S[found[2]]


def moment(option: str, text: str) -> float:
    """Return RFC 3339 or epoch seconds as epoch seconds, UTC without a zone; raises UsageError."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        time_ = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"{option}: expected a day (2026-03-01), RFC 3339 or epoch seconds, not {text!r}"
        ) from error
    return (time_ if time_.tzinfo else time_.replace(tzinfo=UTC)).timestamp()


def settings_file(config: Path | None) -> Path | None:
    """Return the file of ``--config``, ./distillwatch.toml if there is one, or None."""
    return config or (_DEFAULT if _DEFAULT.is_file() else None)


def read_settings(config: Path | None) -> Settings:
    """Return the settings of the file and of the environment."""
    return load(settings_file(config), os.environ)


class PlainFormatter(logging.Formatter):
    """Writes each message as one line, whatever others wrote that it quotes."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line; a traceback follows as it is."""
        return plain(super().formatMessage(record))


def start_log(
    prefix: str = "",
    *,
    level: int = logging.INFO,
    line: str = "%(asctime)s %(levelname)s %(message)s",
) -> None:
    """Log to standard error, each message as ``line``, after ``prefix``."""
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter(prefix + line))
    logging.basicConfig(level=level, handlers=[handler])


@contextlib.contextmanager
def report_errors() -> Iterator[None]:
    """End with one line and the exit code of an error of ours."""
    try:
        yield
    except DistillwatchError as error:
        err.print(f"distillwatch: {error}", markup=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def collect_garbage_seldom() -> None:
    """Let Python look for cycles among objects seldom; what exists by now is never looked at.

    A batch makes thousands of objects and no cycle, and Python would look at them again and again.
    Measured: 5 % of intake.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


def record_of(kind: type[Record], /, **fields: Any) -> Record:  # noqa: ANN401 - user input of any type
    """Return a record of the user's input; raises UsageError that names the invalid field."""
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise UsageError(f"{where.strip('`')}: {what}" if where else what) from error
