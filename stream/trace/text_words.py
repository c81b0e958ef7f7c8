"""The words of texts as all parts of a trace compare them: without case, markup and punctuation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stream.intake.fingerprint.folding import folded_prefixes
from stream.intake.fingerprint.joined import portions
from stream.trace.punctuation import without_punctuation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.core.batch import Positions
    from stream.intake.fingerprint.joined import Words


class TextWords(NamedTuple):
    """The words of some texts, and which texts they are, shape ``(texts,)`` u4."""

    places: Positions
    words: Words


def text_words(texts: Sequence[str], most: int) -> Iterator[TextWords]:
    """Yield the words of the first ``most`` characters of each text, in bounded portions."""
    plain = without_punctuation([text[:most] for text in texts])
    for places, joined in portions(folded_prefixes(plain, most)):
        yield TextWords(np.array(places, np.uint32), joined.words())
