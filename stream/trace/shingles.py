"""Runs of eight words (shingles; Broder, SEQUENCES 1997) of many texts, as one 64-bit hash each.

Equal words give equal hashes whatever case, markup, white space or punctuation they have: letters
and digits alone are words (Unicode's NFKC, without case). Of scripts without spaces two characters
are a word. All multipliers are secret: who writes a text cannot choose the hashes of its shingles.
These hashes are no fingerprints yet: they are hashed once more, and never leave the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.intake.fingerprint.keyed import blake2b

if TYPE_CHECKING:
    from stream.core.batch import Array, Fingerprints, Positions
    from stream.trace.text_words import FoldedWords

WORDS: Final = 8
#: Bytes of a word that are read; longer ones are no words of a language with spaces.
WORD_BYTES: Final = 64
_BYTES: Final = 8
_U8: Final = np.dtype(np.uint64)
#: Masks of the first none to eight of eight bytes.
_FIRST: Final = np.array([2 ** (8 * size) - 1 for size in range(_BYTES + 1)], _U8)
_SHIFT: Final = np.uint64(32)


class Shingles:
    """Hashes shingles under one key."""

    def __init__(self, key: bytes) -> None:
        """Derive the multipliers: odd ones, so that different words of eight bytes differ."""
        digest = blake2b(key, "trace shingles", 6 * _BYTES).digest()
        odd = np.frombuffer(digest, "<u8").astype(_U8) | np.uint64(1)
        self._first, self._second, self._next, *self._runs = odd

    def of(self, words: FoldedWords) -> Fingerprints:
        """Return the hash of the run that begins at each word, shape ``(words - 7,)`` or ``(0,)``.

        Runs that go over the end of a text are among them.
        """
        hashes = self._of_words(words)
        if len(hashes) < WORDS:
            return np.zeros(0, _U8)
        for times in self._runs:  # runs of two words, of four, of eight
            apart = len(words.start) - len(hashes) + 1
            runs = hashes[:-apart] * times
            runs += hashes[apart:]
            hashes = runs
        return hashes

    def _of_words(self, words: FoldedWords) -> Fingerprints:
        """Return a hash of each word; words of eight bytes at most have all different ones."""
        start, size = words.start, words.end - words.start
        hashes = self._mixed(_eights(words.text, start) & _FIRST.take(size, mode="clip"))
        longer = np.flatnonzero(size > _BYTES)
        for at in range(_BYTES, WORD_BYTES, _BYTES):
            longer = longer[size[longer] > at]
            if not len(longer):
                break
            more = _eights(words.text, start[longer] + at)
            more &= _FIRST.take(size[longer] - at, mode="clip")
            hashes[longer] = self._mixed(hashes[longer] * self._next + more)
        return hashes

    def _mixed(self, hashes: Fingerprints) -> Fingerprints:
        """Mix hashes in place and return them: different ones stay so, high bits depend on all."""
        hashes *= self._first
        hashes ^= hashes >> _SHIFT
        hashes *= self._second
        return hashes


def _eights(data: Array, start: Positions) -> Fingerprints:
    """Return the eight bytes from each ``start`` on, as little-endian numbers."""
    every: Fingerprints = np.ndarray(len(data) - _BYTES + 1, "<u8", data, strides=1)
    return every[start]
