"""The result of each record of a log, as JSON for scripts: an event, skipped, or rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from msgspec import Struct

from stream.intake.codec.event import RequestEvent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.intake.codec.explanation import Explanation
    from stream.tools.report.repeats import Repeats

#: Why a repeated call is skipped.
DUPLICATE: Final = "duplicate"
#: Every field of an event; ``messages`` are read into the two texts.
_FIELDS: Final = tuple(name for name in RequestEvent.__struct_fields__ if name != "messages")


class RecordResult(Struct, frozen=True):
    """The result of the ``record``-th record; counts are of its objects.

    ``reason`` is that of its first object without an event. ``events`` have all fields of the
    canonical format, null if absent.
    """

    record: int
    format: str
    outcome: Literal["event", "skipped", "rejected"]
    reason: str | None
    events: list[dict[str, Any]]
    skipped: int
    rejected: int


class RecordResults:
    """Counts records; the second record of a call is skipped."""

    def __init__(self, repeats: Repeats) -> None:
        """Start before the first record; ``repeats`` knows the calls."""
        self._records = 0
        self._repeats = repeats

    def of(self, explanations: Iterable[Explanation]) -> RecordResult:
        """Return the result of the next record, given the explanations of its objects."""
        self._records += 1
        formats, reasons = [], []
        events: list[dict[str, Any]] = []
        skipped = rejected = 0
        for one in explanations:
            formats.append(one.format)
            if one.error is not None:
                rejected += 1
                reasons.append(one.error)
            elif one.skipped is not None or self._repeats.again(one.values):
                skipped += 1
                reasons.append(one.skipped or DUPLICATE)
            else:
                events.append({name: one.values.get(name) for name in _FIELDS})
        return RecordResult(
            self._records,
            formats[0],
            "event" if events else "rejected" if rejected else "skipped",
            reasons[0] if reasons else None,
            events,
            skipped,
            rejected,
        )
