"""How a log is decoded, as a table for a terminal: fields, their paths, missing fields."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from stream.intake.codec.event import RequestEvent
from stream.tools.report.uses import USES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from stream.intake.codec.explanation import Explanation

_FIELD_WIDTH: Final = max(map(len, RequestEvent.__struct_fields__))
#: Longer values are cut; texts of people are not shown.
_EXAMPLE_WIDTH: Final = 24
_TEXTS: Final = ("system_prompt", "prompt")
_TIMES: Final = ("timestamp", "account_created_at")


@dataclass(slots=True)
class FormatReading:
    """The fields in the records of one format."""

    events: int = 0
    #: Field -> its paths, and how often each.
    sources: dict[str, Counter[str]] = field(default_factory=dict)
    #: Field -> its first value.
    examples: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class FormatOverview:
    """The results of some records, by format."""

    readings: dict[str, FormatReading] = field(default_factory=dict)
    ignored: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def events(self) -> int:
        """Return how many events there were."""
        return sum(reading.events for reading in self.readings.values())


def overview(explanations: Iterable[Explanation]) -> FormatOverview:
    """Return the explanations of some records, summed up by format."""
    found = FormatOverview()
    for one in explanations:
        if one.error is not None:
            found.errors[f"{one.format}: {one.error}"] += 1
        elif one.ignored:
            found.ignored[one.format] += 1
        else:
            reading = found.readings.setdefault(one.format, FormatReading())
            reading.events += 1
            for name, path in one.sources.items():
                reading.sources.setdefault(name, Counter())[path] += 1
            for name, value in one.values.items():
                reading.examples.setdefault(name, value)
    return found


def render(found: FormatOverview) -> RenderableType:
    """Return a screen: tables of the fields found and missing, then the skipped and rejected."""
    parts: list[RenderableType] = []
    for name, reading in found.readings.items():
        parts += [
            Text.assemble((name, "bold green"), f"  {reading.events} events"),
            _taken(reading),
        ]
        parts += [_missing(reading), Text()]
    for name, count in found.ignored.items():
        parts.append(Text.assemble((name, "bold"), f"  {count} ignored: not model calls"))
    for error, count in found.errors.most_common(5):
        parts.append(Text.assemble((f"{count} rejected  ", "bold red"), error))
    if len(found.errors) > 5:  # noqa: PLR2004 - as above
        parts.append(Text(f"... and {len(found.errors) - 5} other reasons"))
    if any("no format's fields" in error for error in found.errors):
        parts.append(Text("A custom format needs a mapping: see intake.mapping", "dim"))
    return Group(*parts)


def _taken(reading: FormatReading) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", expand=True)
    table.add_column("field", no_wrap=True, width=_FIELD_WIDTH)
    table.add_column("for example", no_wrap=True, overflow="ellipsis", width=_EXAMPLE_WIDTH)
    table.add_column("taken from", no_wrap=True, overflow="ellipsis", ratio=1, style="cyan")
    for name in RequestEvent.__struct_fields__:
        if name in reading.examples:
            paths = reading.sources.get(name, Counter({"(constant)": 1})).most_common()
            shown = ", ".join(
                path if count == reading.events else f"{path} ({count})" for path, count in paths
            )
            table.add_row(name, Text(_example(name, reading.examples[name])), Text(shown))
    return table


def _missing(reading: FormatReading) -> RenderableType:
    missing = [name for name in USES if name not in reading.examples]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("missing", style="yellow")
    table.add_column("unavailable without it")
    for name in missing:
        if str(USES[name]):
            table.add_row(name, str(USES[name]))
    unused = [name for name in missing if not str(USES[name])]
    return Group(
        *([table] if table.row_count else []),
        *([Text(f"also missing, without effect: {', '.join(unused)}", "dim")] if unused else []),
    )


def _example(name: str, value: Any) -> str:  # noqa: ANN401 - any field's value
    if name in _TEXTS:
        return f"a text of {len(value)} characters"
    if name in _TIMES:
        shown = datetime.fromtimestamp(value, UTC).isoformat(timespec="milliseconds")
        return shown.replace("+00:00", "Z")
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _EXAMPLE_WIDTH else f"{text[: _EXAMPLE_WIDTH - 1]}…"
