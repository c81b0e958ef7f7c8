"""Indicators of other operators in memory: loads records, and finds the events that match one.

May be loaded in one thread while another matches: what is matched is replaced as a whole.

The rule is that of the account directory: an event is matched with the indicators that are known
when it is read, and by its own time: before ``valid_from`` and from ``valid_until`` on none match.
"""

from __future__ import annotations

from collections import defaultdict
from heapq import heappop, heappush
from ipaddress import ip_network
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, get_args

import msgspec
import numpy as np

from stream.core.errors import DecodeError
from stream.core.indicators import ForeignIndicator, SharedKind, with_confidence
from stream.intake.codec.reasons import FAILURES, explain
from stream.intake.fingerprint.keyed import KeyedHash

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stream.core.batch import Array, Fingerprints, Seconds
    from stream.core.secret import Secret
    from stream.intake.sharing.settings import SharingSettings

#: Assumed: names and references are bounded, so a larger record is no indicator.
MOST_BYTES: Final = 16_384
#: Networks that are in use everywhere, so that no two gateways mean the same one (IANA's registries
#: of special-purpose addresses, RFC 6890); those of examples are not in use.
_EVERYWHERE: Final = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
            *("172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3"),
            *("::/16", "fc00::/7", "fe80::/10", "ff00::/8"),
        ),
    )
)
KINDS: Final[tuple[SharedKind, ...]] = get_args(SharedKind)

_decode = msgspec.json.Decoder(ForeignIndicator).decode


class RejectedIndicator(NamedTuple):
    """A rejected record: its place among the given ones, and why."""

    place: int
    reason: str
    detail: str


class _Active(NamedTuple):
    """How sure each value of one kind is at which time: spans without overlap, ascending."""

    value: Fingerprints
    valid_from: Seconds
    valid_until: Seconds
    confidence: Array


_Entry = tuple[SharedKind, int, int, float, float]
_Span = tuple[float, float, int]  # from, until, confidence


class IndicatorTable:
    """Indicators by id, bounded."""

    def __init__(self, settings: SharingSettings, salt: Secret) -> None:
        """Networks are compared under ``intake.salt``, all other values under the sharing key."""
        self._most = settings.max_indicators
        self._key_id = settings.key_id
        self._network = KeyedHash(salt.reveal().encode(), "network")
        self._entries: dict[bytes, _Entry] = {}
        self._active: Mapping[str, _Active] = {}

    def __len__(self) -> int:
        """Return how many indicators there are that are not withdrawn."""
        return len(self._entries)

    def load(self, rows: Sequence[tuple[bytes | None, bytes | None]]) -> list[RejectedIndicator]:
        """Load keys and values in the order they were written; None removes.

        A rejected record leaves the indicator as it was.
        """
        refused = []
        for place, (key, value) in enumerate(rows):
            try:
                self._put(key or b"", value)
            except DecodeError as error:
                refused.append(RejectedIndicator(place, error.reason, error.detail))
        self._active = _arranged(self._entries.values())
        return refused

    def matched(self, values: Mapping[str, Fingerprints], time: Seconds) -> Fingerprints | None:
        """Return the indicator that each event matches, with its confidence, ``(n,)``, u8; 0: none.

        ``values`` are columns by kind, of networks those under the own salt. The surest of several
        counts. None while there are no indicators.
        """
        active = self._active
        if not active:
            return None
        found = np.zeros(len(time), np.uint64)
        best = np.zeros(len(time))
        for kind in KINDS:
            if kind in active and kind in values:
                _match(active[kind], values[kind], time, found, best)
        return found

    def _put(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self._entries.pop(key, None)
            return
        one = decoded(key, value)
        if one.withdrawn:
            self._entries.pop(key, None)
            return
        if one.key_id and one.key_id != self._key_id:
            raise DecodeError("unknown_key", f"key_id {one.key_id!r} is not sharing.key_id")
        if key not in self._entries and len(self._entries) >= self._most:
            raise DecodeError("full", f"more than {self._most} indicators")
        number = self._network.one(one.value) if one.kind == "network" else int(one.value, 16)
        self._entries[key] = (
            one.kind, number, one.confidence, one.valid_from, one.valid_until,
        )  # fmt: skip


def decoded(key: bytes, value: bytes) -> ForeignIndicator:
    """Return the indicator of a record; raises DecodeError."""
    if not value:
        raise DecodeError("empty")
    if len(value) > MOST_BYTES:
        raise DecodeError("too_large", f"{len(value)} bytes, at most {MOST_BYTES}")
    try:
        one = _decode(value)
    except FAILURES as error:
        raise explain(error) from error
    if one.key.encode() != key:
        raise DecodeError("out_of_range", "the record has another key than its indicator_id")
    if one.kind == "network" and not is_network(one.value):
        raise DecodeError("out_of_range", "value: expected a network of more than one address")
    return one


def is_network(text: str) -> bool:
    """Return whether a text is a network in canonical CIDR notation, not too wide or narrow.

    /8 to /24, of IPv6 /19 to /48 (the widest that registries give out): no single address or line,
    and no private network, which is another one at each gateway.
    """
    try:
        found = ip_network(text)
    except ValueError:
        return False
    least, most = (8, 24) if found.version == 4 else (19, 48)  # noqa: PLR2004
    if str(found) != text or not least <= found.prefixlen <= most:
        return False
    return not any(found.version == one.version and found.overlaps(one) for one in _EVERYWHERE)


def _arranged(entries: Iterable[_Entry]) -> Mapping[str, _Active]:
    found: defaultdict[str, defaultdict[int, list[_Span]]] = defaultdict(lambda: defaultdict(list))
    for kind, value, confidence, start, end in entries:
        found[kind][value].append((start, end, confidence))
    return {kind: _active(values) for kind, values in found.items()}


def _active(values: Mapping[int, list[_Span]]) -> _Active:
    ordered = [(value, _surest(spans)) for value, spans in sorted(values.items())]
    sizes = [len(spans) for _, spans in ordered]
    column = np.array([value for value, _ in ordered], np.uint64).repeat(sizes)
    return _Active(column, *np.array([one for _, some in ordered for one in some]).T)


def _surest(spans: list[_Span]) -> list[_Span]:
    """Return spans without overlap, with the surest of those given at each time.

    Reports are of others, who may report one value any number of times: an event must not have to
    look at all of them.
    """
    if len(spans) == 1:
        return spans
    waiting = sorted(spans, reverse=True)
    borders = sorted({time for start, end, _ in spans for time in (start, end)})
    begun: list[tuple[int, float]] = []  # the surest first
    found: list[_Span] = []
    for start, end in pairwise(borders):
        while waiting and waiting[-1][0] <= start:
            _, until, confidence = waiting.pop()
            heappush(begun, (-confidence, until))
        while begun and begun[0][1] <= start:
            heappop(begun)
        if begun:
            found.append((start, end, -begun[0][0]))
    return found


def _match(
    active: _Active, values: Fingerprints, time: Seconds, found: Fingerprints, best: Array
) -> None:
    """Write the surest matching indicator of each event into ``found``, and how sure it is."""
    first = np.searchsorted(active.value, values)
    at = np.minimum(first, len(active.value) - 1)
    rows = np.flatnonzero((active.value[at] == values) & (values != 0))
    if not len(rows):
        return
    first, times = first[rows], time[rows]
    place = _last_begun(active, first, values[rows], times)
    valid = (place >= first) & (times < active.valid_until[place])
    confidence = active.confidence[place]
    chosen = valid & (confidence > best[rows])
    rows = rows[chosen]
    best[rows] = confidence[chosen]
    found[rows] = with_confidence(values[rows], best[rows])


def _last_begun(active: _Active, first: Array, values: Fingerprints, times: Seconds) -> Array:
    """Return the place of each value's last span that has begun, before ``first`` if none has.

    A binary search of all at once: the spans of a value begin at ``first``.
    """
    low, high = first, np.searchsorted(active.value, values, side="right")
    while (low < high).any():
        middle = np.minimum((low + high) // 2, len(active.value) - 1)
        begun = (active.valid_from[middle] <= times) & (low < high)
        high = np.where(begun, high, np.minimum(middle, high))
        low = np.where(begun, middle + 1, low)
    return low - 1
