"""The words of texts as all parts of a trace compare them: without case, markup and punctuation.

All texts are encoded (UTF-8) one after another. ASCII is folded byte by byte; what a character
beyond it becomes is written over its bytes. So only such characters cost more, each the same.
Texts with characters that combine with others are folded one by one first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from stream.intake.fingerprint.folding import codes
from stream.intake.fingerprint.keyed import utf8
from stream.intake.fingerprint.text import LOWER, compatible_prefix
from stream.trace.character_table import ALONE, CHANGES, DROPPED, DROPS, PAIRED, folded, folding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from stream.core.batch import Array, Counts, Mask, Positions
    from stream.trace.character_table import CharacterTable

#: Before each text and after the last, so that eight bytes can be read wherever a word begins.
_BORDER: Final = "\0"
_PADDING: Final = "\0" * 8
_ASCII: Final = 128
#: Bytes of letters and digits to lower case, others of ASCII to zero.
_IN_WORDS: Final = bytes(c if c >= _ASCII or chr(c).isalnum() else 0 for c in LOWER)
#: The least first byte of a character of several (RFC 3629).
_LEAD: Final = 0xC0
#: Characters of texts that are worked on at a time, and texts, so that short ones take no more.
_PORTION: Final = 2**16
_MOST_TEXTS: Final = 512

#: Bytes of a character of a script without spaces.
_PAIRED_BYTES: Final = 3
#: The third and fourth byte, and the first character that has one.
_LONGER: Final = ((2, 0x800), (3, 0x10000))
_NONE: Final = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class FoldedWords:
    """The words of many texts, in order.

    ``start`` and ``end`` are places in ``text``, u1, of which eight more can be read, of shape
    ``(words,)``; ``count`` is the number of words in each text.
    """

    text: Array
    start: Positions
    end: Positions
    count: Counts


class TextWords(NamedTuple):
    """The words of some texts, and which texts they are, shape ``(texts,)`` u4."""

    places: Positions
    words: FoldedWords


def text_words(texts: Sequence[str], most: int) -> Iterator[TextWords]:
    """Yield the words of texts in portions of bounded size, with the places of these texts.

    Words are of letters and digits; of scripts without spaces two characters are a word. ``most``
    characters of a text are read. A text may come twice, the first time without words.
    """
    for rows, portion in _portions(texts, most):
        words, again = _words(portion, folding)
        yield TextWords(rows, words)
        if again:
            forms = [compatible_prefix(portion[place], most).casefold() for place in again]
            yield TextWords(rows[again], _words(forms, folded)[0])


def _portions(texts: Sequence[str], most: int) -> Iterator[tuple[Positions, list[str]]]:
    """Yield all texts in portions, with their places."""
    given = [text[:most] for text in texts]
    first, size = 0, 0
    for row, text in enumerate(given):
        if row > first and (size > _PORTION or row - first == _MOST_TEXTS):
            yield np.arange(first, row, dtype=np.uint32), given[first:row]
            first, size = row, 0
        size += len(text)
    if given:
        yield np.arange(first, len(given), dtype=np.uint32), given[first:]


def _words(
    texts: Sequence[str], table: Callable[[], CharacterTable]
) -> tuple[FoldedWords, list[int]]:
    """Return the words of texts, and the texts whose words are left out: to be taken alone."""
    whole = _BORDER.join(["", *texts, _PADDING])
    joined = bytearray(utf8(whole))
    data = np.frombuffer(joined.translate(_IN_WORDS), np.uint8)
    sizes = [*map(len, texts)]
    if len(joined) == len(whole):  # ASCII
        return _found(data, np.cumsum(sizes) + np.arange(1, len(sizes) + 1), None), []
    sizes = [*map(len, map(utf8, texts))]
    end = np.cumsum(sizes) + np.arange(1, len(sizes) + 1)
    code = codes(whole)
    drops, alone, paired = _fold(data, code[code >= _ASCII].astype(np.int64), table())
    again = np.unique(np.searchsorted(end, alone, side="right"))
    for place in again.tolist():
        data[end[place] - sizes[place] : end[place]] = 0
    if len(again):
        paired = paired[data[paired] != 0]
    if drops:
        gone = np.flatnonzero(data == DROPPED)
        data = data[data != DROPPED]
        end -= np.searchsorted(gone, end)
        paired -= np.searchsorted(gone, paired)
    return _found(data, end, _cuts(data, paired) if len(paired) else None), again.tolist()


def _fold(data: Array, code: Positions, table: CharacterTable) -> tuple[bool, Positions, Positions]:
    """Write over the bytes of characters beyond ASCII, of which ``code`` are the codes.

    Return whether bytes are to be dropped, and the places of characters that are ALONE and PAIRED.
    """
    lead = np.flatnonzero(data >= _LEAD)
    what = table.what.take(code, mode="clip")
    changed = np.flatnonzero(what & CHANGES)
    if len(changed):
        at, code = lead[changed], code[changed]
        written = table.written.take(code, mode="clip").view(np.uint8).reshape(-1, 4)
        data[at], data[at + 1] = written[:, 0], written[:, 1]
        for byte, least in _LONGER:
            longer = code >= least
            data[at[longer] + byte] = written[longer, byte]
    every = int(np.bitwise_or.reduce(what))
    alone = lead[what & ALONE != 0] if every & ALONE else _NONE
    paired = lead[what & PAIRED != 0] if every & PAIRED else _NONE
    return bool(every & DROPS), alone, paired


def _cuts(data: Array, paired: Positions) -> Mask:
    """Return before which bytes a word ends, whatever the byte is: pairs begin where runs do."""
    first = np.ones(len(paired) + 1, bool)
    np.not_equal(np.diff(paired), _PAIRED_BYTES, out=first[1:-1])
    run = np.flatnonzero(first)
    odd = np.zeros(len(paired), bool)
    odd[1::2] = True
    begins = odd == np.repeat(odd.take(run[:-1]), np.diff(run))
    cuts = np.zeros(len(data), bool)
    cuts[paired[begins]] = True
    # Where a run ends, the next character begins a word, if it is in one.
    cuts[paired[run[1:] - 1] + _PAIRED_BYTES] = True
    return cuts


def _found(data: Array, ends: Positions, cuts: Mask | None) -> FoldedWords:
    """Return the words between bytes that are zero, and between cuts."""
    inside = data != 0
    if cuts is None:
        edge = np.flatnonzero(inside[1:] != inside[:-1])
        edge += 1
        start, end = edge[0::2].copy(), edge[1::2]
    else:
        start = np.flatnonzero(inside[1:] & (cuts[1:] | ~inside[:-1])) + 1
        end = np.flatnonzero(inside[:-1] & (cuts[1:] | ~inside[1:])) + 1
    count = np.searchsorted(start, ends)
    count[1:] -= count[:-1].copy()
    return FoldedWords(data, start, end, count)
