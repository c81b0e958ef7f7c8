"""Word cells: which of a fixed number of cells the words of a prompt fall into, one bit each.

A set of words in a fixed size: a prompt has some 25 different words, so that 256 cells keep most of
them apart, and a topic's usual words are bits that its prompts have in common. Cells are keyed by
the salt, and each stands for very many words. Measured beside projections of the same words
(tests/bench/quality/README.md, "Narrow capability"): in as many bytes, a prompt's topic is far
better seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.events import WORD_BITS, WORD_CELLS

if TYPE_CHECKING:
    from stream.core.batch import Array, Counts, Fingerprints

_MASK: Final = np.uint64(WORD_CELLS - 1)


def word_bits(hashes: Fingerprints, count: Counts) -> Array:
    """Return the word cells of each text as bits, shape ``(texts,)``, V.

    ``hashes`` are keyed hashes of all words of all texts in order, of which the lowest bits are
    the cell; ``count`` is the number of words of each text.
    """
    size = len(count) * WORD_CELLS
    cells = (hashes & _MASK).view(np.int64) + np.repeat(np.arange(0, size, WORD_CELLS), count)
    present = np.zeros(size, np.uint8)
    present[cells] = 1
    return np.asarray(np.packbits(present).view(WORD_BITS))
