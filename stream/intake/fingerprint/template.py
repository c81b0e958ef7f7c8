"""A prompt's template: its first words, with what changes from prompt to prompt masked.

Code, quotations, numbers and long tokens are masked: they are the slots of a template. One
instruction before many items has one template.
"""

from __future__ import annotations

import re
from itertools import islice, repeat
from typing import TYPE_CHECKING, Final

from stream.intake.fingerprint.keyed import utf8
from stream.intake.fingerprint.text import SPACELESS, compatible_prefix, folded

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Words of a template, and how many of them must not be masked.
WORDS: Final = 8
FEWEST_UNMASKED_WORDS: Final = 4
#: Characters of a prompt that are read at most, and at first: eight words mostly, then sixteen.
MAX_CHARACTERS: Final = 1024
_OPENINGS: Final = (80, 160)
#: Words that are looked at: some are nothing but punctuation.
_LOOKED_AT: Final = 2 * WORDS
#: Longer words are tokens.
_LONGEST_WORD: Final = 23

_UNSPACED: Final = re.compile(f"([{SPACELESS}][{SPACELESS}]?)")
_LETTER: Final = rf"[^\W{SPACELESS}]"
#: Slots, and what may begin one whose end is cut off.
_SLOT: Final = re.compile(
    r"```.*?(?:```|\Z)"  # code; like what follows, it may be cut off
    r"|`[^`]*(?:`|\Z)"
    r'|"[^"]*(?:"|\Z)'
    r"|\u201c[^\u201d]*(?:\u201d|\Z)|\u2018[^\u2019]*(?:\u2019|\Z)|\u00ab[^\u00bb]*(?:\u00bb|\Z)"
    rf"|'(?<!{_LETTER}')[^'\n]{{3,}}'(?!{_LETTER})",  # not an apostrophe
    re.DOTALL,
)
_CUT: Final = re.compile(f"'(?<!{_LETTER}')")
_NUMBER: Final = re.compile(r"\d+(?:[.,:]\d+)*")
_PUNCTUATION: Final = ".,;:!?()[]{}<>*#_=|/\\-\u2013\u2014"
_MASK: Final = ' " '
_MASKS: Final = ("0", "~", '"')


def template_prefix(text: str) -> bytes:
    """Return the template of a prompt, or nothing if it has too few words."""
    return template(folded(compatible_prefix(text, MAX_CHARACTERS)))


def template(start: str) -> bytes:
    """Return the template of a compatible prefix of MAX_CHARACTERS, without case but of ASCII."""
    found = start.split(None, WORDS)[:WORDS]
    if not _is_plain(found):
        found = _first_words(start)
        if not _is_plain(found):
            return _masked(found)
    return utf8(" ".join(found).lower()) if len(found) >= FEWEST_UNMASKED_WORDS else b""


def _is_plain(words: Sequence[str]) -> bool:
    """Return whether the words are of ASCII letters alone: nothing in them is masked."""
    letters = "".join(words)
    return letters.isalpha() and letters.isascii() and max(map(len, words)) <= _LONGEST_WORD


def _masked(words: Sequence[str]) -> bytes:
    short = [word if len(word) <= _LONGEST_WORD else "~" for word in words]
    found = _NUMBER.sub("0", " ".join(short))
    masks = sum(map(found.split(" ").count, _MASKS))
    real = len(words) - masks
    return utf8(found).lower() if real >= FEWEST_UNMASKED_WORDS else b""


def _first_words(start: str) -> list[str]:
    """Return the words of the template, with slots masked."""
    for size in _OPENINGS:
        # An apostrophe at the end may be followed by a letter.
        if len(start) <= 2 * size or start[size - 1] == "'":
            continue
        opening = _SLOT.sub(_MASK, start[:size])
        words = _words(opening)
        # All but the last are whole, unless a slot begins here whose end is cut off.
        found = _bare(words[:-1])
        enough = len(found) == WORDS or len(words) > _LOOKED_AT
        if enough and not _CUT.search(opening):
            return found
    return _bare(_words(_SLOT.sub(_MASK, start)))


def _bare(words: Sequence[str]) -> list[str]:
    """Return the words that are more than punctuation, of those that are looked at."""
    bare = map(str.strip, words[:_LOOKED_AT], repeat(_PUNCTUATION))
    return list(islice(filter(None, bare), WORDS))


def _words(text: str) -> list[str]:
    """Return the words that are looked at, and then the rest as one."""
    words = text.split(maxsplit=_LOOKED_AT)
    if text.isascii():
        return words
    apart = " ".join(_UNSPACED.split(" ".join(words), maxsplit=_LOOKED_AT))
    return apart.split(maxsplit=_LOOKED_AT)
