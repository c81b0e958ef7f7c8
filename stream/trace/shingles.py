"""Runs of eight words (shingles; Broder, SEQUENCES 1997) of many texts, as one 64-bit hash each.

These hashes are the same for everyone: they are what is keyed afterwards, and never leave the
process. Equal words give equal hashes whatever case, markup, white space or punctuation they have:
letters and digits alone are words (Unicode's NFKC, without case). Of scripts without spaces two
characters are a word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from stream.core.batch import Fingerprints, Positions
    from stream.intake.fingerprint.joined import Words

WORDS: Final = 8
#: Bytes of a word that are read; longer ones are no words of a language with spaces.
WORD_BYTES: Final = 64
_BYTES: Final = 8
_U8: Final = np.dtype(np.uint64)
#: Masks of the first none to eight of eight bytes.
_FIRST: Final = np.array([2 ** (8 * size) - 1 for size in range(_BYTES + 1)], _U8)
#: The golden ratio (Knuth, TAOCP 6.4), odd.
_BASE: Final = 0x9E3779B97F4A7C15
_TIMES: Final = [np.uint64(pow(_BASE, words, 2**64)) for words in (1, 2, 4)]


def shingles(words: Words) -> Fingerprints:
    """Return the hash of the run that begins at each word, shape ``(words - 7,)`` or ``(0,)``.

    Runs that go over the end of a text are among them.
    """
    hashes = _of_words(words)
    if len(hashes) < WORDS:
        return np.zeros(0, _U8)
    for times in _TIMES:  # runs of two words, of four, of eight
        apart = len(words.start) - len(hashes) + 1
        hashes = hashes[:-apart] * times + hashes[apart:]
    return hashes


def _of_words(words: Words) -> Fingerprints:
    """Return a hash of each word; words of eight bytes at most have all different ones."""
    start, size = words.start, words.end - words.start
    hashes = _mixed(_eights(words.text, start) & _FIRST.take(size, mode="clip"))
    longer = np.flatnonzero(size > _BYTES)
    for at in range(_BYTES, WORD_BYTES, _BYTES):
        longer = longer[size[longer] > at]
        if not len(longer):
            break
        more = _eights(words.text, start[longer] + at)
        more &= _FIRST.take(size[longer] - at, mode="clip")
        hashes[longer] = _mixed(hashes[longer] * _TIMES[0] + more)
    return hashes


def _mixed(hashes: Fingerprints) -> Fingerprints:
    """Mix hashes in place and return them: different ones stay different, high bits depend on all.

    What has to be hidden is hidden afterwards.
    """
    hashes *= _TIMES[1]
    hashes ^= hashes >> np.uint64(32)
    hashes *= _TIMES[2]
    return hashes


def _eights(text: bytes, start: Positions) -> Fingerprints:
    """Return the eight bytes from each ``start`` on."""
    every: Fingerprints = np.ndarray(len(text) - _BYTES + 1, "<u8", text, strides=1)
    return every[start]
