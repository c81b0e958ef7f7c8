"""A prompt's phrases: of all runs of six words the two whose keyed hashes are smallest.

Whoever asks the same item in other words around it shares runs of words with whoever else asked
it, and of equal runs both keep the same ones (MinHash; Broder, SEQUENCES 1997). The order is
keyed, so that nobody can add words that take the places of the others.

All words of many texts are hashed at once: a word's hash is its polynomial over bytes modulo
2^64, a run's the polynomial over its words (Karp and Rabin, 1987).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.fingerprint.content import Content
from stream.fingerprint.keyed import KeyedHash, mixed, utf8
from stream.fingerprint.text import words_apart
from stream.types.events import CONTENT, PHRASES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.types.batch import Array

WORDS: Final = 6
KEPT: Final = len(PHRASES)
#: Bytes of texts that are worked on at a time.
_PORTION: Final = 2**18
#: And texts, so that a crowd of short ones takes no more memory.
_TEXTS: Final = 1024
#: Between two texts; no word has it.
_BORDER: Final = b"\n"
_U8: Final = np.dtype(np.uint64)
_NEVER: Final = np.uint64(2**64 - 1)
_BASE: Final = 0x9E3779B97F4A7C15
_INVERSE: Final = pow(_BASE, -1, 2**64)
_IN_WORD: Final = np.array([chr(i).isalnum() or i >= 128 for i in range(256)])  # noqa: PLR2004


def _powers(base: int, count: int) -> Array:
    powers = np.full(count, base, _U8)
    powers[0] = 1
    return np.multiply.accumulate(powers)


_OF_WORD: Final = _powers(0xD6E8FEB86659FD93, WORDS)


class Phrases:
    """The phrases of texts under a salt; nothing of a text is kept."""

    def __init__(self, salt: bytes) -> None:
        """Derive the order and the fingerprints from the salt."""
        self._fingerprint = KeyedHash(salt, "phrase", _bytes_of)
        order = KeyedHash(salt, "phrase order", utf8)
        self._key = np.uint64(order.one("key"))
        self._powers, self._inverse = _powers(_BASE, 1), _powers(_INVERSE, 1)
        self._content = Content(salt)

    def of(self, texts: Sequence[str | None]) -> tuple[Array, Array]:
        """Return the fingerprints of each text's phrases, 0 for none, shape ``(n, KEPT)``, u8.

        And, of the same words, its content, shape ``(n,)``.
        """
        distinct = {text: i for i, text in enumerate(dict.fromkeys(texts))}
        found = np.zeros((len(distinct), KEPT), _U8)
        content = np.zeros(len(distinct), CONTENT)
        for first, portion in _portions([words_apart(text or "") for text in distinct]):
            here = slice(first, first + len(portion))
            words, of_text = self._words_of(portion)
            if len(words):
                found[here] = self._smallest(words, of_text, len(portion))
                content[here] = self._content.of(words, of_text, len(portion))
        one = self._fingerprint.one
        prints = [one(int(smallest)) if smallest else 0 for smallest in found.ravel().tolist()]
        rows = np.array([distinct[text] for text in texts], np.int64)
        return np.asarray(np.array(prints, _U8).reshape(found.shape)[rows]), content[rows]

    def _words_of(self, texts: Sequence[bytes]) -> tuple[Array, Array]:
        """Return the hash of every word of all texts, in order, and whose it is."""
        text = np.frombuffer(_BORDER.join(texts), np.uint8)
        inside = np.concatenate([[False], _IN_WORD[text], [False]])
        border = np.flatnonzero(np.diff(inside))
        start, stop = border[::2], border[1::2]
        sizes = np.array([len(one) + len(_BORDER) for one in texts])
        return self._words(text, start, stop), np.searchsorted(np.cumsum(sizes), start, "right")

    def _smallest(self, words: Array, of_text: Array, texts: int) -> Array:
        """Return the smallest hashes of runs of each text, 0 for none, shape ``(n, KEPT)``."""
        found = np.zeros((texts, KEPT), _U8)
        if len(words) < WORDS:
            return found
        runs = sum(words[i : len(words) - WORDS + 1 + i] * _OF_WORD[i] for i in range(WORDS))
        whole = np.flatnonzero(of_text[: len(words) - WORDS + 1] == of_text[WORDS - 1 :])
        if not len(whole):
            return found
        hashes, of_run = mixed(np.asarray(runs)[whole] ^ self._key), of_text[whole]
        at = np.flatnonzero(np.diff(of_run, prepend=-1))
        for place in range(KEPT):
            least = np.minimum.reduceat(hashes, at)
            found[of_run[at], place] = np.where(least == _NEVER, 0, least)
            hashes[hashes == np.repeat(least, np.diff(at, append=len(hashes)))] = _NEVER
        return found

    def _words(self, text: Array, start: Array, stop: Array) -> Array:
        if len(text) > len(self._powers):
            size = max(len(text), _PORTION)
            self._powers, self._inverse = _powers(_BASE, size), _powers(_INVERSE, size)
        sums = np.zeros(len(text) + 1, _U8)
        np.cumsum(text * self._powers[: len(text)], out=sums[1:])
        return mixed((sums[stop] - sums[start]) * self._inverse[start])


def _portions(texts: Sequence[bytes]) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Yield (index of the first, texts) in portions of bounded size."""
    first, size = 0, 0
    for i, text in enumerate(texts):
        if i > first and (size + len(text) > _PORTION or i - first == _TEXTS):
            yield first, texts[first:i]
            first, size = i, 0
        size += len(text)
    yield first, texts[first:]


def _bytes_of(number: int) -> bytes:
    return number.to_bytes(8, "little")
