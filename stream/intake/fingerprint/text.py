"""Normal forms of text: texts that people call the same get the same fingerprint."""

from __future__ import annotations

import re
import unicodedata
from itertools import islice
from typing import TYPE_CHECKING, Final

from stream.intake.fingerprint.keyed import utf8

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Characters of a text that are read; the rest is ignored.
MAX_CHARACTERS: Final = 4096
#: Words of a template prefix, and how many of them must not be masked.
PREFIX_WORDS: Final = 8
FEWEST_UNMASKED_WORDS: Final = 4
PREFIX_CHARACTERS: Final = 1024
_LONGEST_WORD: Final = 23
_PIECE: Final = 128

_WHITE: Final = b" \t\n\r\v\f"
#: Bytes of UTF-8 to those of lower case, and the same with zeros between words.
_LOWER: Final = bytes(range(256)).lower()
_IN_WORDS: Final = bytes(c if c >= 128 or chr(c).isalnum() else 0 for c in _LOWER)  # noqa: PLR2004
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")
#: What may be endless combining marks, which no script has; every few characters.
_PILED: Final = re.compile(r"[^\w\s\x00-\x7f]{4}")
_SAMPLED: Final = 16
#: Scripts without spaces: two characters count as one word.
_SPACELESS: Final = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff"
_UNSPACED: Final = re.compile(f"([{_SPACELESS}][{_SPACELESS}]?)")
_LETTER: Final = rf"[^\W{_SPACELESS}]"
#: Each alternative opens with a literal, so that the search skips in C to the next of these.
_SLOT: Final = re.compile(
    r"```.*?(?:```|\Z)"  # code; like what follows, it may be cut off
    r"|`[^`]*(?:`|\Z)"
    r'|"[^"]*(?:"|\Z)'
    r"|\u201c[^\u201d]*(?:\u201d|\Z)|\u2018[^\u2019]*(?:\u2019|\Z)|\u00ab[^\u00bb]*(?:\u00bb|\Z)"
    rf"|'(?<!{_LETTER}')[^'\n]{{3,}}'(?!{_LETTER})",  # not an apostrophe
    re.DOTALL,
)
#: Other characters than ASCII that are in no word; those of ASCII are left to `_IN_WORDS`.
_NO_WORD: Final = re.compile(r"[^\x00-\x7f\w\s]")
_NUMBER: Final = re.compile(r"\d+(?:[.,:]\d+)*")
_PUNCTUATION: Final = ".,;:!?()[]{}<>*#_=|/\\-\u2013\u2014"
_MASKS: Final = frozenset({"0", "~", '"'})


def normalise(text: str) -> bytes:
    """Return the text without case and white space, from a bounded prefix."""
    return normalise_prefix(compatible_prefix(text))


def normalise_system_prompt(text: str) -> bytes:
    """Return the normal form without digits, which are dates and counts in system prompts."""
    return normalise(text).translate(None, b"0123456789")


def template_prefix(text: str) -> bytes:
    """Return the masked first words of a prompt, or nothing if there are too few.

    Code, quotations, numbers and long tokens are masked: they are the slots of a template. One
    instruction before many items has one prefix.
    """
    return mask_slots(compatible_prefix(text, PREFIX_CHARACTERS))


def compatible_prefix(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Return a prefix in Unicode's compatibility form (NFKC), without invisible characters.

    The functions below take it: computing it takes the longest where a text is not all ASCII.
    """
    text = text[:limit]
    return text if text.isascii() else _INVISIBLE.sub("", _compatible(text))[:limit]


def normalise_prefix(start: str) -> bytes:
    """Return a compatible prefix without case and white space."""
    return utf8(_folded(start)).translate(_LOWER, _WHITE)


def separated_words(start: str) -> bytes:
    """Return a compatible prefix without case, with zeros between its words, in every script."""
    start = _folded(start)
    if not start.isascii():
        start = " ".join(_UNSPACED.split(_NO_WORD.sub(" ", start)))
    return utf8(start).translate(_IN_WORDS)


def mask_slots(start: str) -> bytes:
    """Return the masked first words of a compatible prefix; see :func:`template_prefix`."""
    start = _folded(start[:PREFIX_CHARACTERS])
    if '"' in start or "'" in start or "`" in start or not start.isascii():
        start = _SLOT.sub(' " ', start)
    words = _words(start)
    if not start.isascii():
        words = _words(" ".join(_UNSPACED.split(" ".join(words), maxsplit=2 * PREFIX_WORDS)))
    found = words[:PREFIX_WORDS]
    if "".join(found).isalpha() and max(map(len, found)) <= _LONGEST_WORD:
        real = len(found)  # there is nothing to mask
    else:
        found = _with_masks(words)
        real = len([word for word in found if word not in _MASKS])
    return utf8(" ".join(found)).lower() if real >= FEWEST_UNMASKED_WORDS else b""


def _with_masks(words: Sequence[str]) -> list[str]:
    bare = islice(filter(None, (word.strip(_PUNCTUATION) for word in words)), PREFIX_WORDS)
    short = [word if len(word) <= _LONGEST_WORD else "~" for word in bare]
    return _NUMBER.sub("0", " ".join(short)).split(" ")


def _words(text: str) -> list[str]:
    return text.split(maxsplit=2 * PREFIX_WORDS)[: 2 * PREFIX_WORDS]


def _compatible(text: str) -> str:
    """Return text in NFKC; piled marks piece by piece, for they take the square of their number."""
    if not _PILED.search(text[::_SAMPLED]):
        return unicodedata.normalize("NFKC", text)
    pieces = range(0, len(text), _PIECE)
    return "".join([unicodedata.normalize("NFKC", text[at : at + _PIECE]) for at in pieces])


def _folded(text: str) -> str:
    """Return text without case but that of ASCII, which is cheaper to fold in bytes."""
    return text if text.isascii() else text.casefold()
