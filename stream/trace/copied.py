"""Which shingles of a text stand in other texts: an answer that repeats its request is no answer.

Texts are compared without case, white space and ASCII punctuation, as strings: fast, for a request
can be much longer than its answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.intake.fingerprint.folding import folded_prefixes
from stream.intake.fingerprint.keyed import utf8
from stream.intake.fingerprint.text import LOWER
from stream.trace.punctuation import without_punctuation
from stream.trace.shingles import WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Mask, Positions
    from stream.intake.fingerprint.joined import Words

#: Characters of each text of a request that are read (assumed: answers seldom repeat what stands
#: later in a longer one, and answers to other requests about the same text show it).
MAX_CHARACTERS: Final = 2**15
#: The bytes of ASCII that are in no word.
_NOT_IN_WORDS: Final = bytes(code for code in range(128) if not chr(code).isalnum())
#: Between texts; no byte of UTF-8 is like it.
_BORDER: Final = b"\xff"


def letters(texts: Sequence[str | None]) -> list[bytes]:
    """Return the beginning of each text without case, white space and ASCII punctuation."""
    found = [text[:MAX_CHARACTERS] if text else "" for text in texts]
    folded = folded_prefixes(without_punctuation(found), MAX_CHARACTERS)
    return [utf8(text).translate(LOWER, _NOT_IN_WORDS) for text in folded]


def together(parts: Sequence[bytes]) -> bytes:
    """Return the letters of several texts as those of one."""
    return _BORDER.join(parts)


def copied(words: Words, at: Positions, others: Sequence[bytes]) -> Mask:
    """Return which of the shingles that begin at the words ``at`` stand in their other texts.

    ``others`` has the letters of these for each of ``at``.
    """
    first, last = words.start[at].tolist(), words.end[at + WORDS - 1].tolist()
    found = [
        words.text[start:end].translate(None, _NOT_IN_WORDS) in other
        for start, end, other in zip(first, last, others, strict=True)
    ]
    return np.array(found, bool)
