"""What each character beyond ASCII is in words, as bytes to write over its own.

Words are of letters and digits in Unicode's compatibility form (NFKC) and without case. Nearly
every character becomes others that take no more bytes (UTF-8), whatever stands beside it.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from stream.intake.fingerprint.folding import BESIDE, TABLED, UNSPACED, characters, marks
from stream.intake.fingerprint.keyed import utf8
from stream.intake.fingerprint.text import INVISIBLE

if TYPE_CHECKING:
    from stream.core.batch import Array, Mask

#: What is written where nothing stays of a byte; no byte of UTF-8 is like it.
DROPPED: Final = 0xFF
#: What a character is, as bits: other bytes are written over its own, some of them dropped; two of
#: its script are a word; its text cannot be taken character by character.
CHANGES: Final = 1
DROPS: Final = 2
PAIRED: Final = 4
ALONE: Final = 8
_ASCII: Final = 128
_MOST_BYTES: Final = 4


class CharacterTable(NamedTuple):
    """What each character is, u1, and what is written over its bytes, little-endian u4."""

    what: Array
    written: Array


@cache
def folding() -> CharacterTable:
    """Return the table of text as it comes, shape ``(TABLED,)``; it takes a quarter of a second."""
    known = characters()
    own, size = _encoded(np.arange(TABLED))
    becomes = np.arange(TABLED) + known.step
    table = _written(becomes, own, size)
    for code in np.flatnonzero(known.kind & BESIDE).tolist():
        if code >= _ASCII:
            found = _of_one(chr(code), int(size[code]))
            table.written[code] = int.from_bytes(found or b"\0", "little")
            table.what[code] = ALONE if found is None else CHANGES | DROPS * (DROPPED in found)
    return table


@cache
def folded() -> CharacterTable:
    """Return the table of text that is folded already: only what is in no word is changed."""
    own, size = _encoded(np.arange(TABLED))
    return _written(np.arange(TABLED), own, size)


def _written(becomes: Array, own: Array, size: Array) -> CharacterTable:
    """Return the table of characters that each become one other."""
    written, takes = _encoded(becomes)
    for byte in range(_MOST_BYTES):
        written |= np.where((takes <= byte) & (byte < size), np.uint32(DROPPED << 8 * byte), 0)
    inside = _alphanumeric()[becomes]
    written[~inside] = 0
    what = (written != own) * np.uint8(CHANGES)
    what |= (inside & (takes < size)) * np.uint8(DROPS)
    what |= (characters().kind[becomes] & UNSPACED != 0) * np.uint8(PAIRED)
    what[inside & (takes > size)] = ALONE
    return CharacterTable(what, written.astype(np.uint32))


def _of_one(one: str, size: int) -> bytes | None:
    """Return what is written over a character that becomes several or none; None: taken alone."""
    if INVISIBLE.match(one):
        return bytes([DROPPED] * size)
    same = unicodedata.normalize("NFKC", one)
    becomes = same.casefold()
    if one in marks() or same[0] in marks() or INVISIBLE.search(becomes):
        return None
    if any(characters().kind[ord(part)] & UNSPACED for part in becomes):
        return None
    found = b"".join(utf8(part) if part.isalnum() else b"\0" for part in becomes)
    if not found.strip(b"\0"):
        return bytes(size)
    return found.ljust(size, bytes([DROPPED])) if len(found) <= size else None


def _alphanumeric() -> Mask:
    return np.fromiter(map(str.isalnum, map(chr, range(TABLED))), bool)


def _encoded(code: Array) -> tuple[Array, Array]:
    """Return the bytes of characters (UTF-8, RFC 3629), as little-endian numbers, and how many."""
    code = code.astype(np.uint32)
    size = 1 + (code >= 1 << 7).astype(np.uint8) + (code >= 1 << 11) + (code >= 1 << 16)
    found = code.copy()
    for many, first in ((2, 0xC0), (3, 0xE0), (4, 0xF0)):
        of = size == many
        found[of] = first | code[of] >> (6 * (many - 1))
        for byte in range(1, many):
            found[of] |= (0x80 | code[of] >> (6 * (many - 1 - byte)) & 0x3F) << (8 * byte)
    return found, size
