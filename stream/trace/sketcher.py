"""Sketches of texts: of the keyed hashes of their shingles those below a fixed share of the range.

FracMinHash (Irber et al., bioRxiv 2022.01.11.475838): the share of a text's kept hashes that
another text has is an unbiased estimate of the share of its shingles that the other has. Sketches
of different density compare: a denser one has every hash of a thinner one.

What a hash reveals: 56 of its 64 bits are SipHash-2-4 under 128 bits that BLAKE2b (RFC 7693)
derives from the key. Without the key no one can test whether a text is in a sketch, not even by
means of sketches of texts that they know. The eight bits above, mostly zero, decide what is kept:
the highest of a product of words and secret numbers, which are derived from the key, too. Sketches
of known texts could reveal these, with them which shingles are kept, and nothing else. Who
writes a text but has neither key nor sketches cannot choose words so that all of its shingles are
kept, or none. At one in 64, two different shingles have equal hashes with probability 2^-58.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.intake.fingerprint.keyed import KeyedHash, blake2b, indexed, mixed, utf8
from stream.trace.shingles import WORDS, Shingles
from stream.trace.siphash import SipHash
from stream.trace.text_words import text_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.core.batch import Counts, Fingerprints, Mask, Positions
    from stream.trace.text_words import TextWords

#: Characters of a text that are read: more than the longest answer of a model has.
MAX_CHARACTERS: Final = 2**17
#: Of a text whose shingles are left out (assumed: answers seldom repeat what stands later in a
#: longer one, and answers to other requests about the same text show it).
OTHER_CHARACTERS: Final = 2**15
#: The densities: powers of two, for eight bits decide.
DENSITIES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_KEPT_BITS: Final = np.uint64(0xFF << 56)
_REST: Final = np.uint64(8)


@dataclass(frozen=True, slots=True)
class Sketches:
    """The kept hashes of many texts.

    ``hashes`` (m,) u8, ascending and distinct within a text; ``text`` (m,) u4, the text of each,
    ascending; ``shingles`` (n,) i8, how many each text has, whether kept or not; ``left_out`` (n,)
    i8, how many of those that would be kept stand in another text that was given.
    """

    hashes: Fingerprints
    text: Positions
    shingles: Counts
    left_out: Counts


class Sketcher:
    """Makes sketches under one key; no text is kept."""

    def __init__(self, key: bytes) -> None:
        """Derive all parts of a hash from the key."""
        self._selection = np.uint64(KeyedHash(key, "trace selection", utf8).one("key") | 1)
        self._shingles = Shingles(key)
        self._secret = SipHash(blake2b(key, "trace", SipHash.KEY_BYTES).digest())

    def sketches(
        self, texts: Sequence[str], one_in: int, without: Sequence[Sequence[str | None]] = ()
    ) -> Sketches:
        """Return the sketches that keep one shingle in ``one_in`` (of DENSITIES).

        ``without`` has columns of other texts, whose shingles are left out: each has one for each
        of ``texts``, or None. Only :data:`OTHER_CHARACTERS` of them are read.
        """
        words = text_words(texts, MAX_CHARACTERS)
        order, row, count = self._kept(words, len(texts), one_in)
        other = np.zeros(len(order), bool)
        for column in without:
            other |= self._has(column, order, row, one_in)
        left_out = np.bincount(row[other], minlength=len(texts))
        order, row = order[~other], row[~other]
        return Sketches(*_distinct(self._hashes(order), row), count, left_out)

    def sketches_of(self, words: Iterable[TextWords], texts: int, one_in: int) -> Sketches:
        """Return the sketches of as many texts by their words, of which none is left out."""
        order, row, count = self._kept(words, texts, one_in)
        return Sketches(*_distinct(self._hashes(order), row), count, np.zeros(texts, np.int64))

    def _hashes(self, order: Fingerprints) -> Fingerprints:
        return (order & _KEPT_BITS) | (self._secret.of(order) >> _REST)

    def _kept(
        self, portions: Iterable[TextWords], texts: int, one_in: int
    ) -> tuple[Fingerprints, Positions, Counts]:
        """Return the order of the kept shingles, the text of each, and how many each text has."""
        orders: list[Fingerprints] = [np.zeros(0, np.uint64)]
        rows: list[Positions] = [np.zeros(0, np.uint32)]
        count = np.zeros(texts, np.int64)
        for places, words in portions:
            count[places] = np.maximum(words.count - (WORDS - 1), 0)
            order = self._shingles.of(words) * self._selection
            at = np.flatnonzero(order <= np.uint64(2**64 // one_in - 1))
            end = np.cumsum(words.count)
            text = np.searchsorted(end, at, side="right")
            whole = at + WORDS <= end[text]
            orders.append(order[at[whole]])
            rows.append(places[text[whole]])
        return np.concatenate(orders), np.concatenate(rows), count

    def _has(
        self, column: Sequence[str | None], order: Fingerprints, row: Positions, one_in: int
    ) -> Mask:
        """Return which shingles the text of the same row in ``column`` has, too."""
        distinct, place = indexed([text or "" for text in column])
        words = text_words(distinct, OTHER_CHARACTERS)
        others, text, _ = self._kept(words, len(distinct), one_in)
        return np.isin(order ^ _mark(place[row]), others ^ _mark(text))


def _mark(text: Positions) -> Fingerprints:
    """Return numbers that keep equal shingles of different texts apart."""
    return mixed(text.astype(np.uint64) + np.uint64(1))


def _distinct(hashes: Fingerprints, text: Positions) -> tuple[Fingerprints, Positions]:
    """Return the hashes in order of text and value, each once in a text."""
    order = np.lexsort((hashes, text))
    hashes, text = hashes[order], text[order]
    new = np.ones(len(hashes), bool)
    new[1:] = (hashes[1:] != hashes[:-1]) | (text[1:] != text[:-1])
    return hashes[new], text[new]
