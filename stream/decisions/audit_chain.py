"""The record of everything that was read from the decisions topic, as a chain of hashes.

Each entry names the hash of the one before it and is signed, so that none can be changed, removed
or put in between without a break that :func:`verified` finds. Entries that are cut off at the end
are found by comparing the last number with what the metrics or an earlier run have shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta

from stream.decisions.signature import digest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.decisions.register import Reading
    from stream.decisions.signature import Signer

#: Bytes kept of a record that is no state of a decision.
_SUSPICIOUS_BYTES: Final = 4096
#: Bytes kept of one that is: more than any of ours has (stream.decisions.proposal), and twice as
#: many, with each quote escaped, are below what producers and brokers take by default, 1 MiB.
MOST_BYTES: Final = 500_000


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the decisions topic, with what it turned out to be."""

    number: Annotated[int, Meta(ge=1, description="1, and one more each entry")]
    previous: Annotated[str, Meta(description="SHA-256 of the entry before it; empty: the first")]
    time: Annotated[float, Meta(description="When it was noted, epoch seconds")]
    offset: Annotated[int, Meta(ge=0, description="Offset in the decisions topic")]
    reading: Annotated[str, Meta(description="newer: it counts; every other word: why it does not")]
    key: Annotated[str, Meta(description="The record's key")]
    value: Annotated[str, Meta(description="The record as it was written")]
    signature: Annotated[str, Meta(description="Its signature")]


@dataclass(frozen=True, slots=True)
class Link:
    """The end of a chain: what the next entry follows."""

    number: int = 0
    hash: str = ""
    offset: int = -1  # of the last record that is noted


@dataclass(frozen=True, slots=True)
class Verification:
    """What reading a whole chain has shown; ``problem`` is empty where it is unbroken."""

    end: Link
    problem: str


_decode = msgspec.json.Decoder(AuditEntry).decode


def note(
    end: Link,
    record: tuple[bytes, bytes, bytes],
    *,
    offset: int,
    reading: Reading,
    suspicious: bool,
    time: float,
) -> tuple[bytes, Link]:
    """Return the next entry as it is written, and the new end; ``record``: key, value, signature.

    Of a suspicious record only the beginning is kept: its writer chose its size.
    """
    key, value, signature = record
    most = _SUSPICIOUS_BYTES if suspicious else MOST_BYTES
    entry = AuditEntry(
        number=end.number + 1,
        previous=end.hash,
        time=time,
        offset=offset,
        reading=reading,
        key=_text(key[:most]),
        value=_text(value[:most]),
        signature=_text(signature[:most]),
    )
    written = msgspec.json.encode(entry)
    return written, Link(entry.number, digest(written), offset)


def end_of(value: bytes, signature: bytes, signer: Signer) -> Link | None:
    """Return an entry as the end of a chain, None for a record that is no entry of ours."""
    if not signer.signed(b"", value, signature):
        return None
    try:
        entry = _decode(value)
    except msgspec.MsgspecError:
        return None
    return Link(entry.number, digest(value), entry.offset)


def verified(entries: Iterable[tuple[bytes, bytes]], signer: Signer) -> Verification:
    """Read a chain from its beginning; ``entries``: value and signature of each record, in order.

    An entry that was written twice (a worker was killed between two writes) is no break.
    """
    end, last = Link(), b""
    for value, signature in entries:
        if value == last:
            continue
        if not signer.signed(b"", value, signature):
            return Verification(end, f"the entry after {end.number} is not signed with our key")
        try:
            entry = _decode(value)
        except msgspec.MsgspecError:
            return Verification(end, f"the entry after {end.number} cannot be read")
        if (entry.number, entry.previous) != (end.number + 1, end.hash):
            return Verification(
                end, f"entry {entry.number} does not follow entry {end.number}: changed or removed"
            )
        end, last = Link(entry.number, digest(value), entry.offset), value
    return Verification(end, "")


def _text(part: bytes) -> str:
    return part.decode(errors="backslashreplace")
