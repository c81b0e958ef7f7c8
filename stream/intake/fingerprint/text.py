"""Normal forms of text: texts that people call the same get the same fingerprint."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from stream.intake.fingerprint.keyed import utf8

#: Characters of a text that are read; the rest is ignored.
MAX_CHARACTERS: Final = 4096
#: Scripts without spaces: two characters count as one word.
SPACELESS: Final = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff"
#: The bytes of UTF-8 that a normal form leaves out, and all of them to those of lower case.
WHITE: Final = b" \t\n\r\v\f"
LOWER: Final = bytes(range(256)).lower()
INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")

#: What may be endless combining marks, which no script has; every few characters.
_PILED: Final = re.compile(r"[^\w\s\x00-\x7f]{4}")
_SAMPLED: Final = 16
_PIECE: Final = 128


def normalise(text: str) -> bytes:
    """Return the text without case and white space, from a bounded prefix."""
    return utf8(folded(compatible_prefix(text))).translate(LOWER, WHITE)


def normalise_system_prompt(text: str) -> bytes:
    """Return the normal form without digits, which are dates and counts in system prompts."""
    return normalise(text).translate(None, b"0123456789")


def compatible_prefix(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Return a prefix in Unicode's compatibility form (NFKC), without invisible characters."""
    text = text[:limit]
    return text if text.isascii() else INVISIBLE.sub("", _compatible(text))[:limit]


def folded(text: str) -> str:
    """Return text without case but that of ASCII, which is cheaper to fold in bytes."""
    return text if text.isascii() else text.casefold()


def _compatible(text: str) -> str:
    """Return text in NFKC; piled marks piece by piece, for they take the square of their number."""
    if not _PILED.search(text[::_SAMPLED]):
        return unicodedata.normalize("NFKC", text)
    pieces = range(0, len(text), _PIECE)
    return "".join([unicodedata.normalize("NFKC", text[at : at + _PIECE]) for at in pieces])
