"""Normal forms of text, so that what people would call the same gets the same fingerprint."""

from __future__ import annotations

import re
import unicodedata
from itertools import islice
from typing import Final

#: Characters of a text that are looked at; whatever comes after them is not.
MAX_CHARACTERS: Final = 4096
#: Words of the masked opening, and how many real ones a prompt needs to have one.
OPENING_WORDS: Final = 8
FEWEST_WORDS: Final = 4
_OPENING_CHARACTERS: Final = 1024
_LONGEST_WORD: Final = 23
_PIECE: Final = 128

_WHITE: Final = b" \t\n\r\v\f"
_INVISIBLE: Final = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")
#: What may be combining marks without end, which no script has; every so many characters.
_PILED: Final = re.compile(r"[^\w\s\x00-\x7f]{4}")
_SAMPLED: Final = 16
#: Scripts without spaces: two characters count as one word.
_SPACELESS: Final = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff"
_UNSPACED: Final = re.compile(f"([{_SPACELESS}]{{1,2}})")
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
_NO_WORD: Final = re.compile(r"[^\w\s]")
_NUMBER: Final = re.compile(r"\d+(?:[.,:]\d+)*")
_PUNCTUATION: Final = ".,;:!?()[]{}<>*#_=|/\\-\u2013\u2014"
_MASKS: Final = frozenset({"0", "~", '"'})


def normalise(text: str) -> bytes:
    """Return the text without case and white space, from a bounded prefix."""
    return _tidy(text, MAX_CHARACTERS).encode("utf-8", "surrogatepass").translate(None, _WHITE)


def standing(text: str) -> bytes:
    """Return the normal form of a system prompt: digits go too, for they are dates and counts."""
    return normalise(text).translate(None, b"0123456789")


def opening(text: str) -> bytes:
    """Return the masked first words of a prompt, or nothing where there are too few.

    Code, quotations, numbers and long tokens are masked: they are the slots of a template. One
    instruction put before many items has one opening.
    """
    start = _tidy(text, _OPENING_CHARACTERS)
    if '"' in start or "'" in start or "`" in start or not start.isascii():
        start = _SLOT.sub(' " ', start)
    words = _words(start)
    if not start.isascii():
        words = _words(_UNSPACED.sub(r" \1 ", " ".join(words), count=2 * OPENING_WORDS))
    bare = list(islice(filter(None, map(_bare, words)), OPENING_WORDS))
    masked = _NUMBER.sub("0", " ".join([w if len(w) <= _LONGEST_WORD else "~" for w in bare]))
    if len([word for word in masked.split(" ") if word not in _MASKS]) < FEWEST_WORDS:
        return b""
    return masked.encode("utf-8", "surrogatepass")


def words_apart(text: str) -> bytes:
    """Return the text without case, from a bounded prefix, its words apart in every script."""
    start = _tidy(text, MAX_CHARACTERS)
    if not start.isascii():
        start = _UNSPACED.sub(r" \1 ", _NO_WORD.sub(" ", start))
    return start.encode("utf-8", "surrogatepass")


def _words(text: str) -> list[str]:
    return text.split(maxsplit=2 * OPENING_WORDS)[: 2 * OPENING_WORDS]


def _bare(word: str) -> str:
    return word if word.isalpha() else word.strip(_PUNCTUATION)


def _composed(text: str) -> str:
    """Return text in NFKC; piled marks piece by piece, for they take the square of their number."""
    if not _PILED.search(text[::_SAMPLED]):
        return unicodedata.normalize("NFKC", text)
    pieces = range(0, len(text), _PIECE)
    return "".join([unicodedata.normalize("NFKC", text[at : at + _PIECE]) for at in pieces])


def _tidy(text: str, limit: int) -> str:
    """Return a folded prefix; look-alike and invisible characters make no difference."""
    text = text[:limit]
    if not text.isascii():
        text = _INVISIBLE.sub("", _composed(text))[:limit]
    return text.casefold()
