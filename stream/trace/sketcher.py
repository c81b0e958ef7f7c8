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
from stream.trace.copied import copied
from stream.trace.punctuation import without_punctuation
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
        """Derive both parts of a hash from the key."""
        self._selection = np.uint64(KeyedHash(key, "trace selection", utf8).one("key"))
        self._hash = KeyedHash(key, "trace")

    def sketches(
        self, texts: Sequence[str], one_in: int, without: Sequence[bytes] | None = None
    ) -> Sketches:
        """Return the sketches that keep one shingle in ``one_in`` (of DENSITIES).

        ``without`` has for each text the letters of another, whose shingles are left out.
        """
        hashes: list[Fingerprints] = [np.zeros(0, np.uint64)]
        rows: list[Positions] = [np.zeros(0, np.uint32)]
        count, left_out = np.zeros((2, len(texts)), np.int64)
        plain = without_punctuation([text[:MAX_CHARACTERS] for text in texts])
        for places, joined in portions(folded_prefixes(plain, MAX_CHARACTERS)):
            words = joined.words()
            count[places] = np.maximum(words.count - (WORDS - 1), 0)
            order, at, text = self._kept(words, one_in)
            row = np.array(places, np.uint32)[text]
            if without is not None:
                other = copied(words, at, [without[place] for place in row.tolist()])
                np.add.at(left_out, row[other], 1)
                order, row = order[~other], row[~other]
            hashes.append(self._keyed(order))
            rows.append(row)
        distinct = _distinct(np.concatenate(hashes), np.concatenate(rows))
        return Sketches(*distinct, count, left_out)

    def _kept(self, words: Words, one_in: int) -> tuple[Fingerprints, Positions, Positions]:
        """Return of the kept shingles of a portion their order, first word and text in it."""
        order = mixed(shingles(words) ^ self._selection)
        at = np.flatnonzero(order <= np.uint64(2**64 // one_in - 1))
        end = np.cumsum(words.count)
        text = np.searchsorted(end, at, side="right")
        whole = at + WORDS <= end[text]
        at = at[whole]
        return order[at], at, text[whole]

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
