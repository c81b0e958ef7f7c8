"""Prompts as fingerprints of whole, template prefix and phrases, with content and word cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.events import EVENT_COLUMNS, PHRASES
from stream.intake.fingerprint.keyed import ABSENT, KeyedHash, indexed
from stream.intake.fingerprint.phrases import Phrases
from stream.intake.fingerprint.text import (
    PREFIX_CHARACTERS,
    compatible_prefix,
    mask_slots,
    normalise_prefix,
    separated_words,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Array

_COLUMNS: Final = ("prompt", "template", *PHRASES, "content", "word_cells")


class Prompts:
    """The fingerprints of prompts under a salt; nothing of a text is kept."""

    def __init__(self, salt: bytes) -> None:
        """Derive the hashes from the salt."""
        self._whole, self._template = KeyedHash(salt, "prompt"), KeyedHash(salt, "template")
        self._phrases = Phrases(salt)

    def of(self, texts: Sequence[str | None]) -> dict[str, Array]:
        """Return the columns about prompts, 0 for none, shape ``(n,)``.

        Equal texts are processed once.
        """
        if not any(texts):
            return {name: np.zeros(len(texts), EVENT_COLUMNS[name]) for name in _COLUMNS}
        distinct, row = indexed([text or "" for text in texts])
        starts = ["" if text in ABSENT else compatible_prefix(text) for text in distinct]
        prefixes = [
            start if len(text) <= PREFIX_CHARACTERS else compatible_prefix(text, PREFIX_CHARACTERS)
            for text, start in zip(distinct, starts, strict=True)
        ]
        phrases, content, cells = self._phrases.of([separated_words(start) for start in starts])
        found = (
            self._whole.of_bytes([normalise_prefix(start) for start in starts]),
            self._template.of_bytes([mask_slots(start) for start in prefixes]),
            *phrases.T,
            content,
            cells,
        )
        return {name: column[row] for name, column in zip(_COLUMNS, found, strict=True)}
