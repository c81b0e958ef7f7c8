"""``distillwatch accounts``: the account directory, what the gateway does not log."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from stream.cli.accounts_file import AccountRows, fill
from stream.cli.common import ConfigOption, err, out, read_settings
from stream.core.errors import UsageError
from stream.intake.codec.decoder import Decoder
from stream.kafka.compacted_topics import read, write_all
from stream.metrics import Metrics
from stream.pipeline.build import account_directory
from stream.tools.replay.source import FileSource, TopicSource
from stream.tools.replay.topic import ArrivalSpan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiokafka import ConsumerRecord

    from stream.intake.directory.directory import AccountDirectory
    from stream.settings import Settings
    from stream.tools.replay.source import ReplaySource

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Load and check the account directory: what gateways do not log.",
)

_DAY_S: Final = 86_400.0
_EXAMPLES: Final = 5


@app.command()
def load(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help=".csv with a header, .jsonl or .parquet")
    ],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also remove accounts that are not in FILE")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the accounts in FILE")] = False,
    config: ConfigOption = None,
) -> None:
    """Write the accounts of a file to the directory topic; later rows replace earlier ones."""
    if replace and remove:
        raise UsageError("accounts load: either --replace or --remove")
    settings = read_settings(config)
    rows = AccountRows(file, latest=time.time() + settings.intake.max_future_s)
    count = sum(1 for _ in rows.read(title="check"))
    if rows.bad and replace:
        raise UsageError(
            f"{file}: nothing was written: --replace needs a file without invalid rows, "
            f"{rows.bad} are invalid"
        )
    kept: set[bytes] = set()

    def written() -> Iterator[tuple[bytes, bytes | None]]:
        for row in AccountRows(file, latest=float("inf")).read(title="load"):
            if replace:
                kept.add(row.key)
            yield row.key, None if remove else row.value

    sent = _write(settings, written())
    out.print(f"{sent:,} accounts {'removed' if remove else 'written'} ({file})", markup=False)
    if replace:
        gone = _keys(settings) - kept
        _write(settings, ((key, None) for key in sorted(gone)))
        out.print(f"{len(gone):,} accounts removed that are not in the file")
    if rows.bad:
        err.print(
            f"distillwatch: {rows.bad:,} rows of {count + rows.bad:,} were skipped", markup=False
        )
        raise typer.Exit(1)


@app.command()
def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Log files of the gateway (default: the last day of topics.requests)"),
    ] = None,
    *,
    accounts_file: Annotated[
        Path | None,
        typer.Option("--accounts", metavar="F", help="A file instead of the directory topic"),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Show how many of the accounts in the gateway's log have an entry."""
    settings, now = read_settings(config), time.time()
    latest = now + settings.intake.max_future_s
    directory = account_directory(settings.stages)
    if accounts_file is not None:
        fill(directory, accounts_file, latest=latest)
    else:
        _fill(directory, settings, latest=latest)
    arrivals = ArrivalSpan(settings.topics.requests, now - _DAY_S, None)
    source = FileSource(files) if files else TopicSource(settings.kafka, arrivals)
    seen = sorted(_seen(source, settings, now_s=now))
    if not seen:
        raise UsageError("the log has no account: nothing to check")
    known = directory.known(seen)
    out.print(
        f"{len(seen):,} accounts seen, {int(known.sum()):,} with an entry ({known.mean():.1%}); "
        f"{len(directory):,} entries in the directory"
    )
    without = [name for name, has in zip(seen, known.tolist(), strict=True) if not has]
    if without:
        out.print(f"without: {', '.join(without[:_EXAMPLES])}", markup=False, soft_wrap=True)
    if not known.any():
        err.print(
            "distillwatch: no account has an entry: are the keys of the directory those that "
            "intake.account reads?",
            soft_wrap=True,
        )
        raise typer.Exit(1)


def _write(settings: Settings, rows: Iterator[tuple[bytes, bytes | None]]) -> int:
    return write_all(settings.kafka, settings.topics, settings.topics.accounts, rows)


def _keys(settings: Settings) -> set[bytes]:
    """Return the accounts with an entry on the topic."""
    found: set[bytes] = set()

    def take(records: Sequence[ConsumerRecord]) -> None:
        for record in records:
            (found.discard if record.value is None else found.add)(record.key or b"")

    read(settings.kafka, settings.topics, settings.topics.accounts, take)
    return found - {b""}


def _fill(directory: AccountDirectory, settings: Settings, *, latest: float) -> None:
    refused = 0

    def take(records: Sequence[ConsumerRecord]) -> None:
        nonlocal refused
        rows = [(record.key, record.value) for record in records]
        refused += len(directory.load(rows, latest=latest))

    read(settings.kafka, settings.topics, settings.topics.accounts, take)
    if refused:
        err.print(f"distillwatch: {settings.topics.accounts}: {refused} invalid records")


def _seen(source: ReplaySource, settings: Settings, *, now_s: float) -> set[str]:
    """Return the accounts of a log, at most `directory.max_entries` or slightly more."""
    decoder, found = Decoder(settings.intake, Metrics(strict=False)), set[str]()
    for _, records in source.parts():
        plain = [record for record in records if record.drill_signature is None]
        found.update(event.account_id for event in decoder.decode(plain, now_s=now_s).events)
        if len(found) > settings.directory.max_entries:
            break
    return found
