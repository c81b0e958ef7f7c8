"""The result of a drill, and the broken link of the chain if there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A sink reports: delivered, skipped (its setting), rejected (by the receiver), timed_out, failed
#: (a bug). Handled: its offset is past the alert, on a broker that keeps no metadata of offsets.
#: Waiting: its offset was not past the alert in time.
SinkResult = Literal[
    "delivered", "skipped", "rejected", "timed_out", "failed", "handled", "waiting"
]
_WELL: Final[tuple[SinkResult, ...]] = ("delivered", "skipped", "handled")


class SinkReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of the alert at one receiver; ``after_s`` since the alert was on the topic."""

    name: str
    result: SinkResult
    after_s: float | None = None


class LinkReport(msgspec.Struct, frozen=True, kw_only=True):
    """A link from the alert to enforcers and back; ``after_s`` since the link before it."""

    name: str
    result: str
    after_s: float
    broken: str | None = None


class DrillReport(msgspec.Struct, frozen=True, kw_only=True):
    """One drill; seconds are counted from its first request."""

    drill_id: str
    accounts: int
    requests: int
    seconds: float
    read: int  # requests that the workers have committed
    others: int  # other records that came onto the topic meanwhile
    dead_letters: dict[str, int]  # by reason
    alert_id: str | None = None
    alert_after_s: float | None = None
    members: int = 0
    sinks: list[SinkReport]
    links: list[LinkReport] = []

    @property
    def broken(self) -> str | None:
        """Return in one line which link is broken, as far as is known; None: all is well."""
        return next(self._broken(), None)

    def _broken(self) -> Iterator[str]:
        if self.dead_letters:
            reasons = ", ".join(f"{reason} {n}" for reason, n in sorted(self.dead_letters.items()))
            hint = (
                "this command has not the workers' intake.salt"
                if "bad_signature" in self.dead_letters
                else "are the workers of this version? the dead-letter topic has them"
            )
            yield f"intake refused requests of the drill ({reasons}): {hint}"
        if self.alert_id is None:
            yield self._unfound()
        for sink in self.sinks:
            if sink.result not in _WELL:
                yield _trouble(sink)
        yield from (link.broken for link in self.links if link.broken)

    def _unfound(self) -> str:
        if not self.read:
            return (
                f"no worker has read the drill within {self.seconds:.0f} s: none runs, or they are "
                "behind (consumer_lag_records)"
            )
        if self.read < self.requests:
            return (
                f"workers have read {self.read} of {self.requests} requests and no alert came: "
                "they are behind (consumer_lag_records)"
            )
        if not self.others:
            return (
                "workers have read the drill and no alert came: no other request did either, and "
                "without traffic event time stands still"
            )
        return (
            "workers have read the drill and no alert came: look for a stage whose "
            "watermark_timestamp_seconds stands, or that restarted meanwhile"
        )


def _trouble(sink: SinkReport) -> str:
    if sink.result == "waiting":
        return f"{sink.name} has not handled the alert in time: see sink_attempts_total"
    return f"{sink.name} could not deliver the alert: {sink.result} (see the worker's log)"


def as_json(report: DrillReport) -> bytes:
    """Return the report for machines, with ``ok`` and what is broken."""
    body: dict[str, Any] = msgspec.to_builtins(report)
    broken = report.broken
    return msgspec.json.encode({"ok": broken is None, "broken": broken, **body})
