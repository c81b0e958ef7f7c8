"""A prompt's template: its first words, with what changes from prompt to prompt masked.

Code, quotations, numbers and long tokens are masked: they are the slots of a template. One
instruction before many items has one template.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final

from stream.intake.fingerprint.keyed import utf8
from stream.intake.fingerprint.text import SPACELESS, compatible_prefix, folded

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Words of a template, and how many of them must not be masked.
WORDS: Final = 8
FEWEST_UNMASKED_WORDS: Final = 4
#: Characters of a prompt that are read at most, and at first: sixteen words nearly always.
MAX_CHARACTERS: Final = 1024
_OPENING: Final = 160
#: Words that are looked at: some are nothing but punctuation.
_LOOKED_AT: Final = 2 * WORDS
#: Longer words are tokens.
_LONGEST_WORD: Final = 23

_UNSPACED: Final = re.compile(f"([{SPACELESS}][{SPACELESS}]?)")
_LETTER: Final = rf"[^\W{SPACELESS}]"
#: Where a slot may begin, and what one is.
_QUOTE: Final = re.compile("[`\"'\u201c\u2018\u00ab]")
_SLOT: Final = re.compile(
    r"```.*?(?:```|\Z)"  # code; like what follows, it may be cut off
    r"|`[^`]*(?:`|\Z)"
    r'|"[^"]*(?:"|\Z)'
    r"|\u201c[^\u201d]*(?:\u201d|\Z)|\u2018[^\u2019]*(?:\u2019|\Z)|\u00ab[^\u00bb]*(?:\u00bb|\Z)"
    rf"|'(?<!{_LETTER}')[^'\n]{{3,}}'(?!{_LETTER})",  # not an apostrophe
    re.DOTALL,
)
_NUMBER: Final = re.compile(r"\d+(?:[.,:]\d+)*")
_PUNCTUATION: Final = ".,;:!?()[]{}<>*#_=|/\\-\u2013\u2014"
_MASK: Final = ' " '
_MASKS: Final = frozenset({"0", "~", '"'})


def template_prefix(text: str) -> bytes:
    """Return the template of a prompt, or nothing if it has too few words."""
    return template(folded(compatible_prefix(text, MAX_CHARACTERS)))


def template(start: str) -> bytes:
    """Return the template of a compatible prefix of MAX_CHARACTERS, without case but of ASCII."""
    words = _first_words(start)
    found = words[:WORDS]
    if "".join(found).isalpha() and max(map(len, found)) <= _LONGEST_WORD:
        real = len(found)  # there is nothing to mask
    else:
        found = _with_masks(words)
        real = len([word for word in found if word not in _MASKS])
    return utf8(" ".join(found)).lower() if real >= FEWEST_UNMASKED_WORDS else b""


def _with_masks(words: Sequence[str]) -> list[str]:
    bare = islice(filter(None, [word.strip(_PUNCTUATION) for word in words]), WORDS)
    short = [word if len(word) <= _LONGEST_WORD else "~" for word in bare]
    return _NUMBER.sub("0", " ".join(short)).split(" ")


def _first_words(start: str) -> Sequence[str]:
    """Return the words that are looked at, with slots masked."""
    if '"' in start or "'" in start or "`" in start or not start.isascii():
        if len(start) > 2 * _OPENING:
            words = _words(_opening(start))
            if len(words) > _LOOKED_AT:  # all but the last are whole
                return words[:_LOOKED_AT]
        start = _SLOT.sub(_MASK, start)
    return _words(start)[:_LOOKED_AT]


def _opening(start: str) -> str:
    """Return the first characters of the text in which slots are masked, at least _OPENING."""
    parts, at, left = [], 0, _OPENING
    while left > 0:
        quote = _QUOTE.search(start, at, at + left)
        if quote is None:
            parts.append(start[at : at + left])
            break
        begin = quote.start()
        slot = _SLOT.match(start, begin)
        parts += (start[at:begin], _MASK if slot else quote[0])
        left -= begin + 1 - at
        at = slot.end() if slot else begin + 1
    return "".join(parts)


def _words(text: str) -> list[str]:
    """Return the words that are looked at, and then the rest as one."""
    words = text.split(maxsplit=_LOOKED_AT)
    if text.isascii():
        return words
    apart = " ".join(_UNSPACED.split(" ".join(words), maxsplit=_LOOKED_AT))
    return apart.split(maxsplit=_LOOKED_AT)
