"""A prompt's content as a short vector: close for prompts of similar words, far for others.

Words and pairs of words are hashed with a sign into cells (Weinberger et al., ICML 2009), brought
to length 1, and seen through random Fourier features (Rahimi and Recht, NIPS 2007): the squared
distance between the *means* of two sets of vectors then is their maximum mean discrepancy for a
Gaussian kernel (Gretton et al., JMLR 2012), and every vector has the length 1. The cells are keyed
by the salt: without it a vector reveals no word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.events import CONTENT, CONTENT_DIMENSIONS, CONTENT_SCALE
from stream.intake.fingerprint.keyed import KeyedHash, mixed, utf8
from stream.intake.fingerprint.word_cells import word_bits

if TYPE_CHECKING:
    from stream.core.batch import Array, Counts, Fingerprints, Positions

_CELLS: Final = 2**9
#: Unrelated texts of length 1 are about the root of two apart: the kernel's width is near that.
_WIDTH: Final = 1.0
_FREQUENCIES: Final = CONTENT_DIMENSIONS // 2
_PAIR: Final = np.uint64(0x9E3779B97F4A7C15)
#: Frequencies come in steps so coarse, and no larger, that a text's sums are whole numbers of steps
#: below 2^24: exact in f4, so that a vector does not depend on how a product of matrices is cut.
_STEP: Final = 2.0**-9
_LARGEST: Final = 4.0
#: Texts that are multiplied at once: few enough for OpenBLAS to use no threads, which would turn on
#: every core waiting for one another: three times the processor on two busy cores.
_ROWS: Final = 32
#: The bits of a hash that are the cell, and the one that is the sign.
_CELL: Final = np.uint64(_CELLS - 1)
#: Word cells are the bits above.
_WORD_CELL: Final = np.uint64(9)
_HIGH: Final = np.uint64(32)
_HIGHEST: Final = np.uint32(1 << 31)
#: The bits of -1.0 (IEEE 754).
_MINUS_ONE: Final = np.float32(-1).view(np.uint32)


class Content:
    """The vectors of texts under a salt; nothing of a text is kept."""

    def __init__(self, salt: bytes) -> None:
        """Derive the cells from the salt; the frequencies are the same everywhere."""
        self._key = np.uint64(KeyedHash(salt, "content", utf8).one("key"))
        normal = np.random.default_rng(1).normal(0, 1 / _WIDTH, (_CELLS, _FREQUENCIES))
        stepped = np.rint(normal.clip(-_LARGEST, _LARGEST) / _STEP) * _STEP
        self._frequencies = stepped.astype(np.float32)

    def of(self, words: Fingerprints, count: Counts) -> tuple[Array, Array]:
        """Return each text's vector and word cells, all bytes 0 where it has no word.

        Both of shape ``(texts,)``, V. ``words`` are hashes of all words of all texts in order,
        ``count`` the number in each text.
        """
        text = np.repeat(np.arange(len(count)), count)
        hashes = self._hashes(words)
        cells = word_bits(hashes[0] >> _WORD_CELL, text, len(count))
        bags = self._bags(hashes, text, len(count))
        length = np.sqrt(np.einsum("ij,ij->i", bags, bags))
        angles = np.empty((len(bags), _FREQUENCIES), np.float32)
        for at in range(0, len(bags), _ROWS):
            few = slice(at, at + _ROWS)
            np.matmul(bags[few], self._frequencies, out=angles[few])
        angles /= np.maximum(length, 1)[:, None]
        waves = np.concatenate([np.cos(angles), np.sin(angles)], axis=1)
        vectors = np.rint(waves * CONTENT_SCALE).astype(np.int8)
        vectors[length == 0] = 0
        return np.asarray(vectors.view(CONTENT)[:, 0]), cells

    def _hashes(self, words: Fingerprints) -> Fingerprints:
        """Return keyed hashes of the words, then of each word with the next, ``(2, words)``."""
        hashes = np.empty((2, len(words)), np.uint64)
        single, pairs = hashes
        np.bitwise_xor(words, self._key, out=single)
        np.multiply(words, _PAIR, out=pairs)
        pairs[:-1] += words[1:]
        pairs ^= self._key
        return mixed(hashes)

    @staticmethod
    def _bags(hashes: Fingerprints, text: Positions, texts: int) -> Array:
        """Return the sum of signs in each cell of each text, shape ``(texts, _CELLS)``, f4.

        ``text`` is the one of each word. ``hashes`` are overwritten.
        """
        # The highest bit of a hash becomes the sign of a float: set, it stands for +1.
        signs = ((hashes >> _HIGH).astype(np.uint32) & _HIGHEST ^ _MINUS_ONE).view(np.float32)
        # No pair goes over the end of its text.
        signs[1, :-1][text[1:] != text[:-1]] = 0
        signs[1, -1] = 0
        hashes &= _CELL
        cells = hashes.view(np.int64)
        cells += text * _CELLS
        bags = np.zeros(texts * _CELLS, np.float32)
        np.add.at(bags, cells.ravel(), signs.ravel())
        return bags.reshape(texts, _CELLS)
