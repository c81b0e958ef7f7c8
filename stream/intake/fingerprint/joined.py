"""Many texts as one array of bytes: their normal forms, and where their words begin and end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.intake.fingerprint.folding import (
    UNSPACED,
    WORD,
    bounded,
    characters,
    codes,
    folded_prefixes,
)
from stream.intake.fingerprint.keyed import utf8
from stream.intake.fingerprint.text import LOWER, MAX_CHARACTERS, WHITE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.core.batch import Array, Counts, Mask, Positions

#: Stands before, between and after texts; no byte of UTF-8 is like it.
_BORDER: Final = b"\xff"
#: So that eight bytes can be read wherever a word begins.
_PADDING: Final = b" " * 8
#: Bytes of words in ASCII to lower case, others to zero.
_IN_WORDS: Final = bytes(c if c < 128 and chr(c).isalnum() else 0 for c in LOWER)  # noqa: PLR2004


@dataclass(frozen=True, slots=True)
class Words:
    """The words of many texts, in order.

    ``start`` and ``end`` are places in ``text``, bytes of lower case, of shape ``(words,)``;
    ``count`` is the number of words in each text.
    """

    text: bytes
    start: Positions
    end: Positions
    count: Counts


class Joined:
    """Texts without case, one after another: all of them ASCII, or none."""

    def __init__(self, texts: Sequence[str]) -> None:
        """Join compatible prefixes without case (but that of ASCII)."""
        # Where the border after each text is, in characters.
        self._end = np.cumsum([len(text) + 1 for text in texts])
        if texts[0].isascii():
            self._code = None
            # Latin-1 is ASCII and the border; one call encodes all.
            border, padding = (part.decode("latin-1") for part in (_BORDER, _PADDING))
            self._bytes = border.join(["", *texts, padding]).encode("latin-1")
        else:
            self._code = codes(" ".join(["", *texts, ""]))
            self._bytes = _BORDER.join([b"", *map(utf8, texts), _PADDING])

    def normal_forms(self) -> list[bytes]:
        """Return each text without white space."""
        return self._bytes.translate(LOWER, WHITE).split(_BORDER)[1:-1]

    def words(self) -> Words:
        """Return the places of all words: of letters and digits, in every script."""
        if self._code is None:
            text = self._bytes.translate(_IN_WORDS)
            inside = np.frombuffer(text, np.uint8) != 0
            edge = np.flatnonzero(inside[1:] != inside[:-1]) + 1
            start, end = edge[0::2], edge[1::2]
            return Words(text, start, end, self._counts(start))
        kind = characters().kind.take(self._code, mode="clip")
        begins = _beginnings(kind)
        bound = np.flatnonzero(begins | (kind & WORD == 0))
        first = np.flatnonzero(begins[bound])
        start, end = bound[first], bound[first + 1]
        text = self._bytes.translate(LOWER)
        # Where each character begins (RFC 3629).
        at = np.flatnonzero(np.frombuffer(text, np.uint8) & 0xC0 != 0x80)  # noqa: PLR2004
        return Words(text, at[start], at[end], self._counts(start))

    def _counts(self, start: Positions) -> Counts:
        return np.diff(np.searchsorted(start, self._end), prepend=0)


def _beginnings(kind: Array) -> Mask:
    """Return which characters begin a word; the first is a border."""
    begins: Mask = np.asarray(kind & WORD != 0)
    begins[1:] &= kind[1:] & (WORD | UNSPACED) != kind[:-1] & (WORD | UNSPACED)
    unspaced = np.flatnonzero(kind & UNSPACED)
    if len(unspaced):
        # From where they begin, each second one begins a word of two.
        run = np.flatnonzero(np.diff(unspaced, prepend=-1) > 1)
        since = np.arange(len(unspaced)) - np.repeat(run, np.diff(run, append=len(unspaced)))
        begins[unspaced] = since & 1 == 0
    return begins


def normal_forms(texts: Sequence[str], limit: int = MAX_CHARACTERS) -> list[bytes]:
    """Return the normal form of the first characters of each text."""
    found = [b""] * len(texts)
    for rows, joined in portions(folded_prefixes(texts, limit)):
        for row, form in zip(rows, joined.normal_forms(), strict=True):
            found[row] = form
    return found


def portions(texts: Sequence[str]) -> Iterator[tuple[list[int], Joined]]:
    """Yield texts in portions of bounded size, with their places; those without text are left out.

    Texts come as :func:`~stream.intake.fingerprint.folding.folded_prefixes` gives them.
    """
    ascii_ = [row for row, text in enumerate(texts) if text and text.isascii()]
    others = [row for row, text in enumerate(texts) if not text.isascii()]
    for rows in (*bounded(ascii_, texts), *bounded(others, texts)):
        yield rows, Joined([texts[row] for row in rows])
