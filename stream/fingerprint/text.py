"""Normal forms of text, so that what people would call the same gets the same fingerprint."""

from __future__ import annotations

import re
from typing import Final

#: Nobody's template is longer; whatever comes after it is not looked at.
MAX_CHARACTERS: Final = 4096
#: Words of the masked opening, and how many a prompt needs to have one.
OPENING_WORDS: Final = 8
_FEWEST_WORDS: Final = 4

_CODE: Final = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_QUOTED: Final = re.compile(
    r"\"[^\"]*\"|\u201c[^\u201d]*\u201d|\u2018[^\u2019]*\u2019|'[^']{3,}'|`[^`]*`"
)
_NUMBER: Final = re.compile(r"\d+(?:[.,:]\d+)*")
_LONG: Final = re.compile(r"\S{24,}")


def normalise(text: str) -> str:
    """Return the text without differences of case and white space, cut to a bounded length."""
    return " ".join(text[:MAX_CHARACTERS].casefold().split())


def opening(text: str) -> str:
    """Return the masked first words of a prompt, or an empty string where there are too few.

    Code, quotations, numbers and long tokens are masked: they are the slots of a template. One
    instruction put before many items has one opening.
    """
    masked = text[:MAX_CHARACTERS].casefold()
    for pattern, mask in ((_CODE, " ` "), (_QUOTED, '"'), (_LONG, "~"), (_NUMBER, "0")):
        masked = pattern.sub(mask, masked)
    words = masked.split(maxsplit=OPENING_WORDS)[:OPENING_WORDS]
    return " ".join(words) if len(words) >= _FEWEST_WORDS else ""
