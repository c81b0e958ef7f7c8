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
    from stream.core.batch import Array, Fingerprints, Positions

_MASK: Final = np.uint64(WORD_CELLS - 1)


def word_bits(hashes: Fingerprints, text: Positions, texts: int) -> Array:
    """Return the word cells of each of the texts as bits, shape ``(texts,)``, V.

    ``hashes`` are keyed hashes of words, of which the lowest bits are the cell; ``text`` is the
    text of each word.
    """
    cells = (hashes & _MASK).view(np.int64)
    cells += text * WORD_CELLS
    present = np.zeros(texts * WORD_CELLS, np.uint8)
    present[cells] = 1
    return np.asarray(np.packbits(present).view(WORD_BITS))
