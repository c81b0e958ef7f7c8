"""``distillwatch simulate``: gateway traffic with planted campaigns, to a file or a broker."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from kafka.errors import KafkaError
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from stream.cli.common import ConfigOption, err, out, read_settings
from stream.core.errors import BrokerError, UsageError
from stream.kafka.connection import client_options, probe
from stream.tools.simulate.play import play, write, write_labels
from stream.tools.simulate.scenario import SCENARIOS, Scenario, scenario

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def simulate(
    *,
    name: Annotated[
        str, typer.Option("--scenario", metavar="N", help=f"One of {', '.join(SCENARIOS)}")
    ] = "demo",
    seed: Annotated[int, typer.Option(metavar="S", min=0)] = 0,
    out_file: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="F", help="Write JSON lines here and the labels to F.labels.csv"
        ),
    ] = None,
    broker: Annotated[
        str | None, typer.Option(metavar="B", help="Produce to the requests topic of this broker")
    ] = None,
    pace: Annotated[
        float, typer.Option(help="Event-time seconds per second; 0: as fast as possible", min=0)
    ] = 0,
    config: ConfigOption = None,
) -> None:
    """Generate the traffic of a scenario, with planted campaigns and their labels."""
    if (out_file is None) == (broker is None):
        raise UsageError("simulate needs either --out F or --broker B")
    chosen = scenario(name, seed=seed)
    with _progress(chosen) as progress:
        if out_file is not None:
            count = _to_file(chosen, out_file, progress)
        else:
            settings = read_settings(config)
            kafka = msgspec.structs.replace(settings.kafka, bootstrap_servers=broker)
            client = client_options(kafka)
            client.pop("bootstrap_servers", None)
            probe(kafka)
            try:
                count = play(
                    chosen,
                    str(broker),
                    settings.topics.requests,
                    pace,
                    progress=progress,
                    client=client,
                )
            except KafkaError as error:
                raise BrokerError(
                    f"broker {broker}: {settings.topics.requests} cannot be written to: {error}"
                ) from error
    out.print(f"{count:,} events of scenario {name}, seed {seed}")


def _to_file(chosen: Scenario, path: Path, progress: Callable[[int, float], None]) -> int:
    try:
        with path.open("wb") as file:
            count = write(chosen, file, progress)
        with path.with_name(path.name + ".labels.csv").open("w", newline="") as file:
            write_labels(chosen.labels(), file)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error
    return count


@contextmanager
def _progress(chosen: Scenario) -> Iterator[Callable[[int, float], None]]:
    columns = (TextColumn("simulate"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=chosen.span_s)
        yield lambda _, at_s: bar.update(task, completed=at_s)
