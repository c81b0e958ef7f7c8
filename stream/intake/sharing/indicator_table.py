"""Indicators of other operators in memory: loads records, and finds the events that match one.

May be loaded in one thread while another matches: what is matched is replaced as a whole.

The rule is that of the account directory: an event is matched with the indicators that are known
when it is read, and by its own time: before ``valid_from`` and from ``valid_until`` on none match.
"""

from __future__ import annotations

from ipaddress import ip_network
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
KINDS: Final[tuple[SharedKind, ...]] = get_args(SharedKind)

_decode = msgspec.json.Decoder(ForeignIndicator).decode


class RejectedIndicator(NamedTuple):
    """A rejected record: its place among the given ones, and why."""

    place: int
    reason: str
    detail: str


class _Active(NamedTuple):
    """The indicators of one kind, ascending by value; a value may have several."""

    value: Fingerprints
    confidence: Array
    valid_from: Seconds
    valid_until: Seconds


_Entry = tuple[SharedKind, int, int, float, float]


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

    /8 to /24, of IPv6 /19 to /48 (the widest that registries give out): no single address or line.
    """
    try:
        found = ip_network(text)
    except ValueError:
        return False
    least, most = (8, 24) if found.version == 4 else (19, 48)  # noqa: PLR2004
    return str(found) == text and least <= found.prefixlen <= most


def _arranged(entries: Iterable[_Entry]) -> Mapping[str, _Active]:
    rows: dict[str, list[tuple[int, int, float, float]]] = {}
    for entry in entries:
        rows.setdefault(entry[0], []).append(entry[1:])
    return {
        kind: _Active(
            np.array([row[0] for row in found], np.uint64),
            *np.array([row[1:] for row in found], np.float64).T,
        )
        for kind, some in rows.items()
        if (found := sorted(some))
    }


def _match(
    active: _Active, values: Fingerprints, time: Seconds, found: Fingerprints, best: Array
) -> None:
    """Write the surest matching indicator of each event into ``found``, and how sure it is."""
    first = np.searchsorted(active.value, values)
    at = np.minimum(first, len(active.value) - 1)
    rows = np.flatnonzero((active.value[at] == values) & (values != 0))
    place = first[rows]
    while len(rows):
        valid = (active.valid_from[place] <= time[rows]) & (time[rows] < active.valid_until[place])
        surer = valid & (active.confidence[place] > best[rows])
        chosen = rows[surer]
        best[chosen] = active.confidence[place[surer]]
        found[chosen] = with_confidence(values[chosen], best[chosen])
        # The next indicator of the same value, of the rows that have one.
        place = place + 1
        more = place < len(active.value)
        rows, place = rows[more], place[more]
        same = active.value[place] == values[rows]
        rows, place = rows[same], place[same]
