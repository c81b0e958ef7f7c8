"""The records of the answers topic: hashes of the answers of one batch of intake, as columns.

A record is msgpack (MessagePack specification) of raw little-endian columns. It has account ids,
times and hashes; no text, and no key but the id of the one that made the hashes. Intake writes at
least once: readers count an account, hash and day once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import numpy as np

from stream.core.errors import PacketError
from stream.core.events import MAX_ACCOUNT_BYTES
from stream.intake.fingerprint.keyed import indexed
from stream.trace.sketcher import DENSITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Array, Counts, Fingerprints, Positions

#: Raised whenever a column changes name, type or meaning, or a hash another value.
ANSWERS_VERSION: Final = 2
_ACCOUNT: Final = np.dtype("<u4")
_TIME: Final = np.dtype("<u4")
_ONE_IN: Final = np.dtype("<u2")
_COUNT: Final = np.dtype("<u4")
_HASH: Final = np.dtype("<u8")

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ACCOUNT_BYTES)]


@dataclass(frozen=True, slots=True)
class Answers:
    """Sketches of answers, one row each, in order; only answers with a kept hash have one.

    ``account`` (n,) u4 is an index into ``accounts``; ``time`` (n,) u4 the time of the request,
    epoch seconds; ``one_in`` (n,) u2 the density of the sketch; ``count`` (n,) u4, at least 1, how
    many of ``hashes`` (m,) u8 are the row's. ``key_id`` names the key of the hashes.
    """

    key_id: str
    accounts: Sequence[str] = field(repr=False)
    account: Positions
    time: Array
    one_in: Array
    count: Counts
    hashes: Fingerprints

    def __len__(self) -> int:
        """Return the number of answers."""
        return len(self.account)

    def rows(self, part: slice) -> Answers:
        """Return some of the answers, with only their accounts."""
        end = np.cumsum(self.count)
        first = int(end[part.start - 1]) if part.start else 0
        last = int(end[part.stop - 1]) if part.stop else 0
        used, account = np.unique(self.account[part], return_inverse=True)
        return Answers(
            self.key_id,
            [self.accounts[place] for place in used.tolist()],
            account,
            self.time[part],
            self.one_in[part],
            self.count[part],
            self.hashes[first:last],
        )


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    key_id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
    accounts: list[_Id]
    account: bytes
    time: bytes
    one_in: bytes
    count: bytes
    hashes: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Record).decode


def merged(parts: Sequence[Answers]) -> Answers:
    """Return the answers of all parts, at least one and all of one key, one after the other."""
    if len(parts) == 1:
        return parts[0]
    names = [part.accounts[one] for part in parts for one in part.account.tolist()]
    accounts, account = indexed(names)
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("time", "one_in", "count", "hashes")
    }
    return Answers(parts[0].key_id, accounts, account, **columns)


def no_answers(key_id: str) -> Answers:
    """Return no answers."""
    sizes = (_ACCOUNT, _TIME, _ONE_IN, _COUNT, _HASH)
    return Answers(key_id, [], *(np.zeros(0, dtype) for dtype in sizes))


def encode(answers: Answers, *, most_bytes: int) -> list[bytes]:
    """Return records of at most ``most_bytes`` each, in order; none without answers.

    One answer alone may be larger: it has as many hashes as its text allows.
    """
    if not len(answers):
        return []
    value = _encode(
        _Record(
            version=ANSWERS_VERSION,
            key_id=answers.key_id,
            accounts=list(answers.accounts),
            account=answers.account.astype(_ACCOUNT).tobytes(),
            time=answers.time.astype(_TIME).tobytes(),
            one_in=answers.one_in.astype(_ONE_IN).tobytes(),
            count=answers.count.astype(_COUNT).tobytes(),
            hashes=answers.hashes.astype(_HASH).tobytes(),
        )
    )
    if len(value) <= most_bytes or len(answers) == 1:
        return [value]
    middle = len(answers) // 2
    parts = (slice(0, middle), slice(middle, len(answers)))
    return [one for part in parts for one in encode(answers.rows(part), most_bytes=most_bytes)]


def decode(value: bytes) -> Answers:
    """Return the answers of a record (columns are read-only views); raises PacketError."""
    try:
        record = _decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PacketError(f"not a record of answers: {error}") from error
    if record.version != ANSWERS_VERSION:
        raise PacketError(f"answers of version {record.version}, this one reads {ANSWERS_VERSION}")
    account, time = _column(record.account, _ACCOUNT), _column(record.time, _TIME)
    one_in, count = _column(record.one_in, _ONE_IN), _column(record.count, _COUNT)
    hashes = _column(record.hashes, _HASH)
    if not len(account) == len(time) == len(one_in) == len(count):
        raise PacketError("columns of unequal length")
    if not np.all(account < len(record.accounts)):
        raise PacketError("an account that is not in the record")
    if not np.all(count) or int(count.sum(dtype=np.uint64)) != len(hashes):
        raise PacketError("more or fewer hashes than counted")
    if not np.isin(one_in, DENSITIES).all():
        raise PacketError("an unknown density")
    # Shifted, not divided: one in one is all of 64 bits.
    bits = np.log2(one_in.astype(np.float64)).astype(np.uint64)
    if np.any(hashes >> (np.uint64(63) - bits.repeat(count)) >> np.uint64(1)):
        raise PacketError("a hash that its density leaves out")
    return Answers(record.key_id, record.accounts, account, time, one_in, count, hashes)


def _column(value: bytes, dtype: np.dtype[np.generic]) -> Array:
    try:
        return np.frombuffer(value, dtype)
    except ValueError as error:
        raise PacketError(f"a column with part of a value: {error}") from error
