"""What clients report that carry decisions out themselves, in the shape of CrowdSec's local API.

https://docs.crowdsec.net/docs/next/observability/usage_metrics: each report counts since the one
before. A report that is repeated, or older than the last of its client, counts nothing, nor does
one from before this enforcer started: it may have been counted then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.core.effects import EffectKind
    from stream.decisions.tallies import Tallies

PATH: Final = "/v1/usage-metrics"
MAX_BODY: Final = 4_194_304  # bytes; the most items of a window have three
UsageResult = Literal["counted", "ignored", "unknown", "repeated", "early", "invalid"]
#: How far the clock of a client may be ahead. Assumed.
_AHEAD_S: Final = 300.0
#: Clients whose last report is remembered; the one that reported longest ago is forgotten.
MOST_CLIENTS: Final = 1024
_KINDS: Final[dict[str, EffectKind]] = {
    "dropped": "refused",
    "slowed": "slowed",
    "changed": "changed",
}
#: Assumed: a million requests a second between two reports that are a quarter of an hour apart.
_Number = Annotated[float, Meta(ge=0, le=1e9)]
_Word = Annotated[str, Meta(max_length=256)]
_Labels = Annotated[dict[str, str], Meta(max_length=32)]


class UsageItem(msgspec.Struct, frozen=True, kw_only=True):
    """One count; its labels name the decision."""

    name: _Word
    value: _Number
    labels: _Labels | None = None


class UsageWindow(msgspec.Struct, frozen=True, kw_only=True):
    """When the counts end; how long they took is not used."""

    utc_now_timestamp: Annotated[float, Meta(ge=0, lt=1e11)]
    window_size_seconds: Annotated[float, Meta(ge=0, lt=1e11)] = 0.0


class UsageCounts(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of one window."""

    meta: UsageWindow
    items: Annotated[list[UsageItem], Meta(max_length=20_000)] | None = None


class UsageClient(msgspec.Struct, frozen=True, kw_only=True):
    """A client that carries decisions out."""

    type: _Word = ""
    name: _Word = ""
    metrics: Annotated[list[UsageCounts], Meta(max_length=64)] | None = None


class UsageReport(msgspec.Struct, frozen=True, kw_only=True):
    """The body; what else CrowdSec's clients send is not read."""

    remediation_components: Annotated[list[UsageClient], Meta(max_length=64)] | None = None


read: Final = msgspec.json.Decoder(UsageReport).decode


class UsageReader:
    """Adds reports of clients to the tallies; mutable, no clock of its own."""

    def __init__(self, tallies: Tallies, *, started: float) -> None:
        """``started``: when this enforcer did, epoch seconds."""
        self._tallies = tallies
        self._started = started
        self._last: dict[tuple[str, str, str], float] = {}  # when a client last reported

    def take(
        self, gateway: str, report: UsageReport, time: float
    ) -> Iterator[tuple[UsageResult, int]]:
        """Count a report of a gateway; yield results, each of a number of counts."""
        for client in report.remediation_components or ():
            windows = client.metrics or []
            items = [item for one in windows for item in one.items or ()]
            ended = max((one.meta.utc_now_timestamp for one in windows), default=time)
            refusal = self._refusal(gateway, client, ended, time)
            if refusal:
                yield refusal, len(items)
                continue
            for item in items:
                yield self._item(gateway, item, min(ended, time)), 1

    def _refusal(
        self, gateway: str, client: UsageClient, ended: float, time: float
    ) -> UsageResult | None:
        """Return why counts are left out, None where they are taken."""
        if ended > time + _AHEAD_S:
            return "invalid"  # it would keep later ones out
        if ended < self._started:
            return "early"
        key = gateway, client.type, client.name
        last = self._last.pop(key, 0.0)
        self._last[key] = max(ended, last)
        if len(self._last) > MOST_CLIENTS:
            del self._last[next(iter(self._last))]
        return "repeated" if ended <= last else None

    def _item(self, gateway: str, item: UsageItem, time: float) -> UsageResult:
        kind = _KINDS.get(item.name)
        decision = (item.labels or {}).get("decision")
        if kind is None or decision is None:
            return "ignored"
        known = self._tallies.count(gateway, decision, kind, int(item.value), time)
        return "counted" if known else "unknown"
