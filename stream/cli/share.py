"""``distillwatch share``: indicators to and from other operators, as STIX 2.1 files or by TAXII."""

from __future__ import annotations

import getpass
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from stream.cli.common import AuthorOption, ConfigOption, err, moment, out, read_settings
from stream.core.errors import UsageError
from stream.core.rfc3339 import rfc3339
from stream.kafka.sharing_topics import (
    export_book,
    foreign_indicators,
    remove_indicators,
    write_indicators,
)
from stream.sharing.known_indicators import ended, taken_in
from stream.sharing.reading import MOST_BYTES, ReadIndicators, printable, summary
from stream.sharing.vocabulary import TLP_MARKINGS, identity_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.indicators import ForeignIndicator

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Share indicators of campaigns with other operators (STIX 2.1).",
)
TaxiiOption = Annotated[
    str | None,
    typer.Option("--taxii", metavar="URL", help="A collection of a TAXII 2.1 server"),
]
_EXTRA = "sharing needs stix2 and taxii2-client: pip install 'distillwatch[share]'"


@app.command("export")
def export_(
    *,
    incidents: Annotated[
        list[str] | None, typer.Argument(metavar="INCIDENT", help="inc_... or cmp_...")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="All campaigns first alerted from then on"),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="and before; a day, RFC 3339 or epoch seconds"),
    ] = None,
    tlp: Annotated[
        str, typer.Option("--tlp", help=f"Marking, TLP 2.0: {', '.join(TLP_MARKINGS)}")
    ] = "amber",
    out_file: Annotated[
        Path | None, typer.Option("--out", metavar="F", help="Write to this file")
    ] = None,
    taxii: TaxiiOption = None,
    config: ConfigOption = None,
) -> None:
    """Write campaigns as a STIX bundle, without accounts, text, single addresses or payments."""
    settings = read_settings(config)
    if not settings.sharing.operator:
        raise UsageError(
            "sharing.operator: missing, set it to your name in the group: a bundle has it"
        )
    if tlp not in TLP_MARKINGS:
        raise UsageError(f"--tlp: expected one of {', '.join(TLP_MARKINGS)}, not {tlp!r}")
    # Before the brokers are read: the absence of the extra is one line at once.
    bundles = _bundle_module()
    sending = None if taxii is None else _taxii_module()
    wanted = frozenset(incidents or ())
    period = _period(wanted, since, until)
    book = export_book(settings.kafka, settings.topics, settings.decisions, wanted, period)
    found = {one.incident_id for one in book.campaigns.values()}
    found |= {one.campaign_id for one in book.campaigns.values()}
    if wanted - found:
        raise UsageError(
            f"{', '.join(sorted(wanted - found))}: no such campaign on {settings.topics.alerts}; "
            "incidents of single accounts and drills are not shared"
        )
    text, counts = bundles.bundle(
        book, operator=settings.sharing.operator, valid_s=settings.sharing.valid_s, tlp=tlp
    )
    if sending is not None:
        sending.send(taxii, text, settings.sharing)
    elif out_file is not None:
        _write(out_file, text)
    else:
        sys.stdout.buffer.write(text)
    err.print(
        f"{len(book.campaigns)} campaigns, {counts.get('indicator', 0)} indicators, "
        f"TLP:{tlp.upper()}"
    )


@app.command("import")
def import_(
    *,
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE", help="Bundles; -: standard input")
    ] = None,
    taxii: TaxiiOption = None,
    author: AuthorOption = "",
    config: ConfigOption = None,
) -> None:
    """Take in the indicators of bundles; accounts that use them get evidence, never an alert."""
    settings = read_settings(config)
    if not settings.sharing.key:
        raise UsageError(
            "sharing.key: missing, indicators are compared under it: set "
            "DISTILLWATCH_SHARING_KEY_FILE to the file that workers have"
        )
    if not files and taxii is None:
        raise UsageError("expected files, or --taxii")
    now_s = time.time()
    reading = ReadIndicators(
        key_id=settings.sharing.key_id,
        own=identity_id(settings.sharing.operator),
        imported_by=author or getpass.getuser(),
        now_s=now_s,
    )
    for path in files or ():
        reading.add(_read(path), source=str(path))
    if taxii is not None:
        for page in _taxii_module().received(taxii, settings.sharing):
            reading.add(page, source=taxii)
    found = reading.indicators()
    known = foreign_indicators(settings.kafka, settings.topics)
    removed = ended(known, now_s)
    if removed:
        remove_indicators(settings.kafka, settings.topics, removed)
    for key in removed:
        del known[key]
    written, left_out = taken_in(found, known, most=settings.sharing.max_indicators)
    write_indicators(settings.kafka, settings.topics, written)
    left_out += reading.left_out
    revoked = sum(bool(one.withdrawn) for one in written)
    sources = sorted({printable(one.source_name or one.source) for one in written})
    line = f"{len(written) - revoked} indicators imported, {revoked} revoked"
    line += f" (from {', '.join(sources[:5])})" if sources else ""
    if left_out:
        line += f"; not imported: {summary(left_out.items())}"
    out.print(line, markup=False, soft_wrap=True)


@app.command()
def withdraw(
    *,
    names: Annotated[
        list[str],
        typer.Argument(metavar="ID", help="indicator--..., campaign--... or identity--..."),
    ],
    author: AuthorOption = "",
    config: ConfigOption = None,
) -> None:
    """Take indicators back: one, those of a campaign, or all of another operator."""
    settings = read_settings(config)
    known = foreign_indicators(settings.kafka, settings.topics)
    chosen: dict[str, ForeignIndicator] = {}
    for name in names:
        some = [one for one in known.values() if name in {one.key, one.campaign, one.source}]
        if not some:
            raise UsageError(f"{printable(name)}: no such indicator, campaign or identity")
        chosen |= {one.key: one for one in some if one.withdrawn != "person"}
    changed = [
        msgspec.structs.replace(
            one,
            withdrawn="person",
            imported_at=time.time(),
            imported_by=author or getpass.getuser(),
        )
        for one in chosen.values()
    ]
    write_indicators(settings.kafka, settings.topics, changed)
    if changed:
        out.print(f"{len(changed)} indicators withdrawn; they stop counting within a day")
    else:
        out.print("0 indicators withdrawn: all of them were already")


@app.command("list")
def list_(*, config: ConfigOption = None) -> None:
    """List the indicators of other operators."""
    settings = read_settings(config)
    known = foreign_indicators(settings.kafka, settings.topics)
    if not known:
        err.print("distillwatch: no indicators of other operators (`distillwatch share import`)")
    for line in _lines(known.values(), time.time()):
        out.print(line, markup=False, soft_wrap=True)


def _lines(indicators: Iterable[ForeignIndicator], now_s: float) -> Iterable[str]:
    for one in sorted(indicators, key=lambda one: (one.source_name, one.source, one.key)):
        state = one.withdrawn and f"withdrawn by {one.withdrawn}"
        state = state or ("expired" if one.valid_until <= now_s else "in force")
        yield (
            f"{printable(one.key)}  {one.kind}  {one.confidence} %"
            f"  until {rfc3339(one.valid_until)}  {state}"
            f"  {printable(one.source_name or one.source)}  {printable(one.campaign)}"
        )


def _period(wanted: frozenset[str], since: str | None, until: str | None) -> tuple[float, float]:
    if bool(wanted) == (since is not None or until is not None):
        raise UsageError("expected either incidents, or --from and --to")
    if wanted:
        return 0.0, 0.0
    if since is None or until is None:
        raise UsageError("expected both --from and --to")
    found = moment("--from", since), moment("--to", until)
    if not 0 <= found[0] < found[1]:
        raise UsageError("--to: expected a time after --from, both after 1970")
    return found


def _read(path: Path) -> bytes:
    try:
        if str(path) == "-":
            return sys.stdin.buffer.read(MOST_BYTES + 1)
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error


def _write(path: Path, text: bytes) -> None:
    try:
        path.write_bytes(text)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def _bundle_module() -> Any:  # noqa: ANN401 - a module
    try:
        from stream.sharing import bundle  # noqa: PLC0415 - needs an extra
    except ModuleNotFoundError as error:
        raise UsageError(_EXTRA) from error
    return bundle


def _taxii_module() -> Any:  # noqa: ANN401 - a module
    try:
        from stream.delivery import taxii  # noqa: PLC0415 - needs an extra
    except ModuleNotFoundError as error:
        raise UsageError(_EXTRA) from error
    return taxii
