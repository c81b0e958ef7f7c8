"""Typographic punctuation as spaces, so that most texts are ASCII, whose words are found fast.

Dashes, quotes, bullets, arrows and emoji end a word as a space does. Texts that have any other
character beyond ASCII stay as they are: they are taken apart character by character, to the same
words.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.intake.fingerprint.folding import TABLED, codes
from stream.intake.fingerprint.text import INVISIBLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Mask

_ASCII: Final = 128
_SPACE: Final = 32
#: Chooses the picture of the emoji before it; it is no character of its own.
_VARIANT: Final = "\ufe0f"


@cache
def ends_words() -> Mask:
    """Return which characters do what a space does, shape ``(TABLED + 1,)``; the last does not."""
    found = np.zeros(TABLED + 1, bool)
    for code in range(_ASCII, TABLED):
        one = chr(code)
        parts = unicodedata.normalize("NFKC", one).casefold()
        inside = any(part.isalnum() for part in parts) or (one.isspace() and parts == one)
        alone = unicodedata.category(one)[0] != "M" and not unicodedata.combining(parts[0])
        found[code] = alone and not inside and not INVISIBLE.search(one)
    return found


def without_punctuation(texts: Sequence[str]) -> list[str]:
    """Return the texts, in ASCII where nothing but punctuation is not."""
    found = list(texts)
    rows = [row for row, text in enumerate(texts) if not text.isascii()]
    if not rows:
        return found
    others = [texts[row].replace(_VARIANT, "") for row in rows]
    code = codes("".join(others)).copy()
    beyond = np.flatnonzero(code >= _ASCII)
    harmless = ends_words().take(code[beyond], mode="clip")
    end = np.cumsum([len(text) for text in others])
    stay = set(np.searchsorted(end, beyond[~harmless], side="right").tolist())
    code[beyond] = _SPACE
    whole = code.astype(np.uint8).tobytes().decode("ascii")
    for place, row in enumerate(rows):
        if place not in stay:
            found[row] = whole[end[place] - len(others[place]) : end[place]]
    return found
