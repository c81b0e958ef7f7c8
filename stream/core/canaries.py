"""Canaries: invented words, one for each decision to mark, by which its answers are found again.

A word is four syllables of consonant, vowel and consonant (after Wilkerson, arXiv:0901.4016), as
"wexpalyontud". Models copy what looks like a name, cleaners of data sets remove what looks like a
code: so it is letters of ASCII in one case, without digits or marks. No syllable begins with f, g
or k or ends in g, which leaves few that are rude.
"""

from __future__ import annotations

import itertools
import re
from typing import Final

_FIRST: Final = "bdhjlmnprstvwyz"
_VOWELS: Final = "aeiou"
_LAST: Final = "bdfklmnprstvxz"
_SYLLABLES: Final = [*map("".join, itertools.product(_FIRST, _VOWELS, _LAST))]
_COUNT: Final = 4
#: Letters, and bytes, of a canary.
CANARY_LETTERS: Final = 3 * _COUNT
#: How many there are, all equally probable: 1,050^4, more than 2^40.
CANARIES: Final = len(_SYLLABLES) ** _COUNT
CANARY_PATTERN: Final = rf"^([{_FIRST}][{_VOWELS}][{_LAST}]){{{_COUNT}}}\Z"
#: What stands for the canary in an instruction.
PLACEHOLDER: Final = "{canary}"
_ALONE: Final = re.compile(rf"(?<![^\W_]){re.escape(PLACEHOLDER)}(?![^\W_])")


def canary_of(number: int) -> str:
    """Return the canary of a number below :data:`CANARIES`; different ones differ."""
    syllables = []
    for _ in range(_COUNT):
        number, place = divmod(number, len(_SYLLABLES))
        syllables.append(_SYLLABLES[place])
    return "".join(syllables)


def has_place(instruction: str) -> bool:
    """Return whether an instruction has a place for the canary.

    Raises ValueError where it is part of a word: only whole words are found again.
    """
    places = instruction.count(PLACEHOLDER)
    if places != len(_ALONE.findall(instruction)):
        raise ValueError(f"{PLACEHOLDER} has to be a word of its own")
    return places > 0
