"""Many texts at once in Unicode's compatibility form (NFKC) and without case, by a table.

Nearly every character becomes one other or stays, whatever stands beside it. Texts with other
characters (marks that combine, ligatures, invisible ones) are taken one by one.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from stream.intake.fingerprint.text import (
    INVISIBLE,
    MAX_CHARACTERS,
    SPACELESS,
    compatible_prefix,
    folded,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.core.batch import Array

#: Characters from here on are in no word, have no case and combine with none (a test holds it).
TABLED: Final = 0x40000
#: What a character is, as bits: in words; of a script without spaces; not to be taken alone.
WORD: Final = 1
UNSPACED: Final = 2
BESIDE: Final = 4
#: Characters of texts that are worked on at a time, and texts, so that short ones take no more.
PORTION: Final = 2**17
MOST_TEXTS: Final = 512
#: Common ones that become several characters or none, as long as no mark is beside them.
_MANY_OR_NONE: Final = (("\u2026", "..."), ("\ufe0f", ""), ("\u200d", ""))


class Characters(NamedTuple):
    """What each character is, u1, and how far away the one is that it becomes, i4."""

    kind: Array
    step: Array


@cache
def marks() -> frozenset[str]:
    """Return what may combine with the character before it, and invisible characters."""
    every = [*map(chr, range(TABLED))]
    # What combines with what is before it is part of a decomposition, or of a combining class.
    found = {*"".join([unicodedata.normalize("NFD", one)[1:] for one in every])}
    found |= {one for one in every if unicodedata.combining(one)}
    return frozenset(found | {*INVISIBLE.findall("".join(every))})


@cache
def characters() -> Characters:
    """Return the table, shape ``(TABLED,)``; it takes a tenth of a second and a megabyte."""
    every = [*map(chr, range(TABLED))]
    kind = np.fromiter(map(str.isalnum, every), np.uint8)
    kind[[ord(one) for one in every if one.isspace() and not one.isascii()]] = WORD
    unspaced = [match.start() for match in re.finditer(f"[{SPACELESS}]", "".join(every))]
    kind[unspaced] |= (kind[unspaced] & WORD) * np.uint8(UNSPACED)
    step, beside = np.zeros(TABLED, np.int32), marks()
    for code, one in enumerate(every):
        same = unicodedata.normalize("NFKC", one)
        becomes = same.casefold()
        if len(becomes) != 1 or one in beside or same in beside:
            kind[code] |= BESIDE
        elif one != becomes and not one.isascii():  # case of ASCII is folded in bytes
            step[code] = ord(becomes) - code
    return Characters(kind, step)


def codes(text: str) -> Array:
    """Return the code of each character, u4."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def folded_prefixes(texts: Sequence[str], limit: int = MAX_CHARACTERS) -> list[str]:
    """Return the compatible prefix of each text, without case (but that of ASCII)."""
    found = [text[:limit] for text in texts]
    for rows in bounded([row for row, text in enumerate(found) if not text.isascii()], found):
        together, alone = _together([found[row] for row in rows])
        for row, text in zip(rows, together, strict=True):
            found[row] = text[:limit]
        for row in [rows[i] for i in alone]:
            found[row] = folded(compatible_prefix(texts[row], limit))
    return found


def _together(texts: Sequence[str]) -> tuple[Sequence[str], list[int]]:
    """Return the texts without case, and which of them have to be taken one by one instead."""
    for one, becomes in _MANY_OR_NONE:
        texts = [text.replace(one, becomes) for text in texts]
    code = codes("".join(texts))
    end = np.cumsum([len(text) for text in texts])
    table = characters()
    beside = np.flatnonzero(table.kind.take(code, mode="clip") & BESIDE)
    alone = np.unique(np.searchsorted(end, beside, side="right")).tolist()
    step = table.step.take(code, mode="clip")
    if step.any():
        text = (code + step.view(np.uint32)).tobytes().decode("utf-32-le", "surrogatepass")
        bounds = pairwise([0, *end.tolist()])
        texts = [text[first:last] for first, last in bounds]
    return texts, alone


def bounded(rows: list[int], texts: Sequence[str]) -> Iterator[list[int]]:
    """Yield the rows in portions, so that their texts are of bounded number and size."""
    first, size = 0, 0
    for at, row in enumerate(rows):
        if at > first and (size + len(texts[row]) > PORTION or at - first == MOST_TEXTS):
            yield rows[first:at]
            first, size = at, 0
        size += len(texts[row])
    if rows:
        yield rows[first:]
