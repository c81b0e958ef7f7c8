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

from stream.core.events import PHRASES
from stream.intake.fingerprint.keyed import KeyedHash, mixed, utf8

if TYPE_CHECKING:
    from stream.core.batch import Counts, Fingerprints, Positions
    from stream.intake.fingerprint.joined import Words

WORDS: Final = 6
KEPT: Final = len(PHRASES)
_U8: Final = np.dtype(np.uint64)
_NEVER: Final = np.uint64(2**64 - 1)
_BASE: Final = np.uint64(0x9E3779B97F4A7C15)
_OF_WORD: Final = np.uint64(0xD6E8FEB86659FD93)
_OF_PAIR: Final = np.uint64(pow(int(_OF_WORD), 2, 2**64))
#: Bytes that are hashed at a time; longer words take several times.
_BYTES: Final = 8
_OF_BYTES: Final = np.uint64(pow(int(_BASE), _BYTES, 2**64))
_BYTE: Final = np.uint64(255)
#: Masks of the first none to eight of eight bytes.
_FIRST: Final = np.array([2 ** (8 * size) - 1 for size in range(_BYTES + 1)], _U8)
_TIMES: Final = np.array([8 * place for place in reversed(range(_BYTES - 1))], _U8)


class Phrases:
    """The phrases of texts under a salt; nothing of a text is kept."""

    def __init__(self, salt: bytes) -> None:
        """Derive the order and the fingerprints from the salt."""
        self._fingerprint = KeyedHash(salt, "phrase")
        order = KeyedHash(salt, "phrase order", utf8)
        self._key = np.uint64(order.one("key"))

    def of(self, words: Fingerprints, count: Counts) -> Fingerprints:
        """Return the fingerprints of each text's phrases, 0 for none, shape ``(texts, KEPT)``.

        ``words`` are hashes of all words of all texts in order, ``count`` the number in each text.
        """
        found = self._smallest(words, count)
        each = found.astype("<u8").tobytes()
        prepared = [each[at : at + 8] for at in range(0, len(each), 8)]
        return np.where(found, self._fingerprint.of_bytes(prepared).reshape(found.shape), 0)

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
            if place + 1 < KEPT:
                hashes[hashes == np.repeat(least, count)] = _NEVER
        return found

    def _runs(self, words: Fingerprints) -> Fingerprints:
        """Return the hash of the run that begins at each word; _NEVER where words are too few."""
        hashes = np.full(len(words), _NEVER)
        pairs = words[:-1] + _OF_WORD * words[1:]
        runs = hashes[: len(words) - WORDS + 1]
        runs[:] = pairs[WORDS - 2 :]
        for i in range(WORDS - 4, -1, -2):  # Horner's rule, two words at a time
            runs *= _OF_PAIR
            runs += pairs[i : i + len(runs)]
        runs ^= self._key
        mixed(runs)
        return hashes


def hashed(words: Words) -> Fingerprints:
    """Return the hash of each word, shape ``(words,)``."""
    length = words.end - words.start
    hashes = _polynomials(words.text, words.start, length)
    long = np.flatnonzero(length > _BYTES)
    if len(long):
        # The eights of bytes after the first: whose, and which.
        more = (length[long] - 1) // _BYTES
        before = np.cumsum(more) - more
        place = np.arange(1, more.sum() + 1) - np.repeat(before, more)
        word, done = np.repeat(long, more), _BYTES * place
        terms = _polynomials(words.text, words.start[word] + done, length[word] - done)
        terms *= _powers(int(more.max()) + 1)[place]
        hashes[long] += np.add.reduceat(terms, before)
    return mixed(hashes)


def _polynomials(text: bytes, start: Positions, size: Counts) -> Fingerprints:
    """Return the polynomials over ``size`` bytes, eight at most, from each ``start`` on."""
    eights = np.ndarray(len(text) - _BYTES + 1, "<u8", text, strides=1)[start]
    eights &= _FIRST.take(size, mode="clip")
    found = eights >> np.uint64(56)
    byte = np.empty_like(eights)
    for times in _TIMES:  # Horner's rule
        np.right_shift(eights, times, out=byte)
        byte &= _BYTE
        found *= _BASE
        found += byte
    return found


def _powers(count: int) -> Fingerprints:
    """Return powers of the base of eights, from 1 on."""
    powers = np.full(count, _OF_BYTES)
    powers[0] = 1
    return np.multiply.accumulate(powers)
