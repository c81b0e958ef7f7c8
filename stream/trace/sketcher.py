"""Sketches of texts: of the keyed hashes of their shingles those below a fixed share of the range.

FracMinHash (Irber et al., bioRxiv 2022.01.11.475838): the share of a text's kept hashes that
another text has is an unbiased estimate of the share of its shingles that the other has. Sketches
of different density compare: a denser one has every hash of a thinner one.

What a hash reveals: 56 of its 64 bits are BLAKE2b (RFC 7693) under the key. Without the key no one
can test whether a text is in a sketch, not even by means of sketches of texts that they know. The
eight bits above, mostly zero, decide what is kept: SplitMix64 with 64 bits derived from the key.
Sketches of known texts could in principle reveal these 64 bits, with them which shingles are kept,
and nothing else. At one in 64, two different shingles have equal hashes with probability 2^-58.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.intake.fingerprint.folding import folded_prefixes
from stream.intake.fingerprint.joined import portions
from stream.intake.fingerprint.keyed import KeyedHash, mixed, utf8
from stream.trace.shingles import WORDS, shingles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Counts, Fingerprints, Positions
    from stream.intake.fingerprint.joined import Words

#: Characters of a text that are read: more than the longest answer of a model has.
MAX_CHARACTERS: Final = 2**17
#: The densities: powers of two, for eight bits decide.
DENSITIES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_KEPT_BITS: Final = np.uint64(0xFF << 56)
_REST: Final = np.uint64(8)


@dataclass(frozen=True, slots=True)
class Sketches:
    """The kept hashes of many texts.

    ``hashes`` (m,) u8, ascending and distinct within a text; ``text`` (m,) u4, the text of each,
    ascending; ``shingles`` (n,) i8, how many each text has, whether kept or not.
    """

    hashes: Fingerprints
    text: Positions
    shingles: Counts


class Sketcher:
    """Makes sketches under one key; no text is kept."""

    def __init__(self, key: bytes) -> None:
        """Derive both parts of a hash from the key."""
        self._selection = np.uint64(KeyedHash(key, "trace selection", utf8).one("key"))
        self._hash = KeyedHash(key, "trace")

    def sketches(self, texts: Sequence[str], one_in: int) -> Sketches:
        """Return the sketches that keep one shingle in ``one_in`` (of DENSITIES)."""
        hashes: list[Fingerprints] = [np.zeros(0, np.uint64)]
        rows: list[Positions] = [np.zeros(0, np.uint32)]
        count = np.zeros(len(texts), np.int64)
        for places, joined in portions(folded_prefixes(texts, MAX_CHARACTERS)):
            words = joined.words()
            count[places] = np.maximum(words.count - (WORDS - 1), 0)
            kept, text = self._kept(words, one_in)
            hashes.append(kept)
            rows.append(np.array(places, np.uint32)[text])
        return Sketches(*_distinct(np.concatenate(hashes), np.concatenate(rows)), count)

    def _kept(self, words: Words, one_in: int) -> tuple[Fingerprints, Positions]:
        """Return the kept hashes of a portion, and the text of each in it."""
        order = mixed(shingles(words) ^ self._selection)
        at = np.flatnonzero(order <= np.uint64(2**64 // one_in - 1))
        end = np.cumsum(words.count)
        text = np.searchsorted(end, at, side="right")
        whole = at + WORDS <= end[text]
        at, text = at[whole], text[whole]
        return self._keyed(order[at]), text

    def _keyed(self, order: Fingerprints) -> Fingerprints:
        """Return the hashes, of which ``order`` has the eight bits that decide."""
        each = order.astype("<u8").tobytes()
        secret = self._hash.of_bytes([each[at : at + 8] for at in range(0, len(each), 8)])
        return (order & _KEPT_BITS) | (secret >> _REST)


def _distinct(hashes: Fingerprints, text: Positions) -> tuple[Fingerprints, Positions]:
    """Return the hashes in order of text and value, each once in a text."""
    order = np.lexsort((hashes, text))
    hashes, text = hashes[order], text[order]
    new = np.ones(len(hashes), bool)
    new[1:] = (hashes[1:] != hashes[:-1]) | (text[1:] != text[:-1])
    return hashes[new], text[new]
