"""Indicators in a STIX 2.1 bundle of another operator: read, checked and bounded; needs no library.

A bundle is written by others and may be forged: what is taken in has the shape of our own,
and everything else is counted by reason. No object is followed to another bundle.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from stream.core.errors import UsageError
from stream.core.indicators import ForeignIndicator, SharedKind, is_fingerprint
from stream.intake.sharing.indicator_table import is_network
from stream.sharing.vocabulary import FINGERPRINT_EXTENSION, SCHEMES

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Bytes and objects of all bundles of one import (assumed: an export of a year has fewer).
MOST_BYTES: Final = 64 * 2**20
MOST_OBJECTS: Final = 200_000
#: Indicators end this long after now at the latest, whatever they claim (assumed).
LONGEST_VALID_S: Final = 365 * 86_400.0
#: Assumed: largest difference between the clocks of operators.
_AHEAD_S: Final = 3600.0
#: The confidence of an indicator that has none (assumed: less than even).
_CONFIDENCE: Final = 30
_ID: Final = r"--[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_NETWORK: Final = re.compile(r"\[ipv[46]-addr:value ISSUBSET '([0-9a-f.:]{2,45}/\d{1,3})'\]")

_Time = Annotated[str, Meta(max_length=40)]
_Name = Annotated[str, Meta(max_length=1000)]


class _Object(Struct, frozen=True, kw_only=True):
    """What every object has; others of its fields are looked at where they matter."""

    type: _Name
    id: _Name = ""


class _Indicator(Struct, frozen=True, kw_only=True):
    """An indicator of STIX 2.1, section 4.7."""

    id: Annotated[str, Meta(pattern="^indicator" + _ID)]
    spec_version: str
    created_by_ref: Annotated[str, Meta(pattern="^identity" + _ID)]
    modified: _Time
    pattern: Annotated[str, Meta(max_length=4096)]
    pattern_type: _Name
    valid_from: _Time
    valid_until: _Time | None = None
    confidence: Annotated[int, Meta(ge=0, le=100)] = _CONFIDENCE
    revoked: bool = False
    extensions: dict[str, Any] = {}


class _Fingerprint(Struct, frozen=True, kw_only=True):
    """The extension that holds a fingerprint."""

    scheme: Annotated[str, Meta(max_length=64)]
    key_id: Annotated[str, Meta(min_length=1, max_length=64)]
    value: Annotated[str, Meta(max_length=64)]


class _Relationship(Struct, frozen=True, kw_only=True):
    relationship_type: _Name
    source_ref: _Name
    target_ref: Annotated[str, Meta(max_length=128)]


class _Identity(Struct, frozen=True, kw_only=True):
    name: Annotated[str, Meta(max_length=256)]


class _Envelope(Struct, frozen=True, kw_only=True):
    """A bundle, or an envelope of TAXII 2.1."""

    objects: Annotated[list[msgspec.Raw], Meta(max_length=MOST_OBJECTS)] = []


_envelope = msgspec.json.Decoder(_Envelope).decode
_object = msgspec.json.Decoder(_Object).decode
_indicator = msgspec.json.Decoder(_Indicator).decode


class ReadIndicators:
    """The indicators of one or several bundles; mutable."""

    def __init__(self, *, key_id: str, own: str, imported_by: str, now_s: float) -> None:
        """``key_id`` names our sharing key, ``own`` is our identity: our own come back from others.

        ``imported_by`` is a person or a program.
        """
        self._key_id = key_id
        self._own = own
        self._imported_by = imported_by
        self._now_s = now_s
        self._bytes = self._objects = 0
        self._raw: list[msgspec.Raw] = []
        self._names: dict[str, str] = {}
        self._campaigns: dict[str, str] = {}
        #: Why objects were not taken in -> how many.
        self.left_out: Counter[str] = Counter()

    def add(self, text: bytes, *, source: str) -> None:
        """Read a bundle; raises UsageError that names ``source`` for other text.

        The bounds are of all bundles together: a server may answer with any number of pages, and
        what was read of one is kept until its end.
        """
        self._bytes += len(text)
        if self._bytes > MOST_BYTES:
            raise UsageError(
                f"{source}: larger than {MOST_BYTES // 2**20} MiB, with what is before"
            )
        try:
            objects = _envelope(text).objects
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(f"{source}: not a STIX 2.1 bundle: {_short(error)}") from error
        self._objects += len(objects)
        if self._objects > MOST_OBJECTS:
            raise UsageError(f"{source}: more than {MOST_OBJECTS:,} objects")
        for raw in objects:
            self._sort(raw)

    def indicators(self) -> dict[str, ForeignIndicator]:
        """Return the indicators that can be taken in, by id; the latest of each."""
        found: dict[str, ForeignIndicator] = {}
        for raw in self._raw:
            try:
                one = self._made(_indicator(raw))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                self.left_out[f"damaged ({_short(error)})"] += 1
                continue
            except _LeftOutError as error:
                self.left_out[str(error)] += 1
                continue
            known = found.get(one.key)
            if known is None or one.modified > known.modified:
                found[one.key] = one
        return found

    def _sort(self, raw: msgspec.Raw) -> None:
        try:
            one = _object(raw)
            if one.type == "indicator":
                self._raw.append(raw)
            elif one.type == "identity":
                self._names[one.id] = msgspec.json.decode(raw, type=_Identity).name
            elif one.type == "relationship":
                link = msgspec.json.decode(raw, type=_Relationship)
                if link.relationship_type == "indicates":
                    self._campaigns[link.source_ref] = link.target_ref
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            self.left_out[f"damaged ({_short(error)})"] += 1

    def _made(self, one: _Indicator) -> ForeignIndicator:
        if one.spec_version != "2.1":
            raise _LeftOutError("of another version of STIX")
        if one.created_by_ref == self._own:
            raise _LeftOutError("our own")
        kind, value, key_id = self._value(one)
        modified, start = _time(one.modified), _time(one.valid_from)
        if one.valid_until is None:
            raise _LeftOutError("without valid_until")
        end = min(_time(one.valid_until), self._now_s + LONGEST_VALID_S)
        if modified > self._now_s + _AHEAD_S:
            raise _LeftOutError("modified in the future")
        if end <= self._now_s and not one.revoked:
            raise _LeftOutError("expired")
        if end <= start:
            raise _LeftOutError("valid_until before valid_from")
        return ForeignIndicator(
            indicator_id=one.id,
            kind=kind,
            value=value,
            key_id=key_id,
            confidence=one.confidence,
            valid_from=start,
            valid_until=end,
            modified=modified,
            source=one.created_by_ref,
            source_name=self._names.get(one.created_by_ref, ""),
            campaign=self._campaigns.get(one.id, ""),
            imported_at=self._now_s,
            imported_by=self._imported_by,
            withdrawn="source" if one.revoked else "",
        )

    def _value(self, one: _Indicator) -> tuple[SharedKind, str, str]:
        """Return kind, value and key that an indicator names."""
        if one.pattern_type == "stix":
            network = _NETWORK.fullmatch(one.pattern)
            if network is None or not is_network(network[1]):
                raise _LeftOutError("with a pattern that names no network")
            return "network", network[1], ""
        if FINGERPRINT_EXTENSION not in one.extensions:
            raise _LeftOutError("with a pattern that names no fingerprint")
        keyed = msgspec.convert(one.extensions[FINGERPRINT_EXTENSION], _Fingerprint)
        kind = SCHEMES.get(keyed.scheme)
        if kind is None:
            raise _LeftOutError("of an unknown scheme")
        if keyed.key_id != self._key_id:
            raise _LeftOutError(f"under another key ({printable(keyed.key_id)})")
        if not is_fingerprint(keyed.value):
            raise _LeftOutError("damaged (value is no fingerprint)")
        return kind, keyed.value, keyed.key_id


class _LeftOutError(Exception):
    """Why an indicator is not taken in; never leaves this module."""


def printable(text: str, most: int = 160) -> str:
    """Return text of others as one short line that moves no terminal."""
    return "".join(c if c.isprintable() else "?" for c in text[:most])


def summary(counts: Iterable[tuple[str, int]]) -> str:
    """Return reasons with their numbers as one line, the most frequent first."""
    ordered = sorted(counts, key=lambda pair: (-pair[1], pair[0]))
    shown = [f"{count:,} {printable(reason)}" for reason, count in ordered[:8]]
    more = sum(count for _, count in ordered[8:])
    return ", ".join([*shown, *([f"{more:,} for other reasons"] if more else [])])


def _short(error: Exception) -> str:
    return printable(str(error).partition(" - at")[0]) or type(error).__name__


def _time(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
        time = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise _LeftOutError("damaged (no time)") from error
    if not 0 < time < 1e11:  # noqa: PLR2004 - as times of records
        raise _LeftOutError("damaged (a time out of range)")
    return time
