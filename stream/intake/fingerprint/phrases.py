"""A prompt's phrases: of all runs of six words the two whose keyed hashes are smallest.

Two prompts with the same item in different words share runs of words, and both keep the same ones
of equal runs (MinHash; Broder, SEQUENCES 1997). The order is keyed, so that a client cannot add
words that displace the others.

All words of many texts are hashed at once: a word's hash is its polynomial over bytes modulo
2^64, a run's the polynomial over its words (Karp and Rabin, 1987).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.events import CONTENT, PHRASES, WORD_BITS
from stream.intake.fingerprint.content_vectors import Content
from stream.intake.fingerprint.keyed import KeyedHash, mixed, utf8

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.core.batch import Array, Counts, Fingerprints, Positions

WORDS: Final = 6
KEPT: Final = len(PHRASES)
#: Bytes of texts that are worked on at a time.
_PORTION: Final = 2**17
#: And texts, so that a crowd of short ones takes no more memory.
_TEXTS: Final = 1024
#: Between two texts, as between two words.
_BORDER: Final = b"\0"
_U8: Final = np.dtype(np.uint64)
_NEVER: Final = np.uint64(2**64 - 1)
_BASE: Final = 0x9E3779B97F4A7C15
_INVERSE: Final = pow(_BASE, -1, 2**64)


def _powers(base: int, count: int) -> Fingerprints:
    powers = np.full(count, base, _U8)
    powers[0] = 1
    return np.multiply.accumulate(powers)


_OF_WORD: Final = _powers(0xD6E8FEB86659FD93, WORDS)


class Phrases:
    """The phrases of texts under a salt; nothing of a text is kept."""

    def __init__(self, salt: bytes) -> None:
        """Derive the order and the fingerprints from the salt."""
        self._fingerprint = KeyedHash(salt, "phrase")
        order = KeyedHash(salt, "phrase order", utf8)
        self._key = np.uint64(order.one("key"))
        self._powers, self._inverse = _powers(_BASE, 1), _powers(_INVERSE, 1)
        self._content = Content(salt)

    def of(self, texts: Sequence[bytes]) -> tuple[Fingerprints, Array, Array]:
        """Return the fingerprints of each text's phrases, 0 for none, shape ``(n, KEPT)``, u8.

        And, of the same words, its content and its word cells, each ``(n,)``. Texts come as
        :func:`~stream.intake.fingerprint.text.separated_words` gives them.
        """
        found = np.zeros((len(texts), KEPT), _U8)
        content, cells = np.zeros(len(texts), CONTENT), np.zeros(len(texts), WORD_BITS)
        for first, portion in _portions(texts):
            here = slice(first, first + len(portion))
            words, count = self._words_of(portion)
            if len(words):
                found[here] = self._smallest(words, count)
                content[here], cells[here] = self._content.of(words, count)
        prepared = [
            smallest.to_bytes(8, "little") if smallest else b""
            for smallest in found.ravel().tolist()
        ]
        return self._fingerprint.of_bytes(prepared).reshape(found.shape), content, cells

    def _words_of(self, texts: Sequence[bytes]) -> tuple[Fingerprints, Counts]:
        """Return the hash of every word of all texts, in order, and how many each text has."""
        text = np.frombuffer(_BORDER.join([b"", *texts, b""]), np.uint8)
        inside = text != 0
        start = np.flatnonzero(inside[1:] > inside[:-1]) + 1
        end = np.searchsorted(start, np.cumsum([len(one) + len(_BORDER) for one in texts]))
        return self._words(text, start), np.diff(end, prepend=0)

    def _smallest(self, words: Fingerprints, count: Counts) -> Fingerprints:
        """Return the smallest hashes of runs of each text, 0 for none, shape ``(n, KEPT)``."""
        found = np.zeros((len(count), KEPT), _U8)
        if len(words) < WORDS:
            return found
        hashes = self._runs(words)
        # No run goes over the end of its text.
        end = np.cumsum(count)
        over = np.subtract.outer(end, np.arange(1, WORDS))
        hashes[over[over >= 0]] = _NEVER
        some = np.flatnonzero(count)
        count, first = count[some], (end - count)[some]
        for place in range(KEPT):
            least = np.minimum.reduceat(hashes, first)
            found[some, place] = np.where(least == _NEVER, 0, least)
            hashes[hashes == np.repeat(least, count)] = _NEVER
        return found

    def _words(self, text: Array, start: Positions) -> Fingerprints:
        """Return the hash of the word at each ``start``; outside of words are zeros."""
        if len(text) > len(self._powers):
            size = max(len(text), 2 * _PORTION)
            self._powers, self._inverse = _powers(_BASE, size), _powers(_INVERSE, size)
        terms = text.astype(_U8)
        terms *= self._powers[: len(text)]
        sums = np.cumsum(terms, out=terms)
        hashes = np.diff(sums[start - 1], append=sums[-1:])
        hashes *= self._inverse[start]
        return mixed(hashes)

    def _runs(self, words: Fingerprints) -> Fingerprints:
        """Return the hash of the run that begins at each word; _NEVER where words are too few."""
        hashes = np.full(len(words), _NEVER)
        count = len(words) - WORDS + 1
        runs = words[:count] * _OF_WORD[0]
        for i in range(1, WORDS):
            runs += words[i : count + i] * _OF_WORD[i]
        runs ^= self._key
        hashes[:count] = mixed(runs)
        return hashes


def _portions(texts: Sequence[bytes]) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Yield (index of the first, texts) in portions of bounded size."""
    first, size = 0, 0
    for i, text in enumerate(texts):
        if i > first and (size + len(text) > _PORTION or i - first == _TEXTS):
            yield first, texts[first:i]
            first, size = i, 0
        size += len(text)
    yield first, texts[first:]
