"""Prompts as fingerprints of whole, template prefix and phrases, with content and word cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.events import EVENT_COLUMNS, PHRASES
from stream.intake.fingerprint.content_vectors import Content
from stream.intake.fingerprint.folding import folded_prefixes
from stream.intake.fingerprint.joined import portions
from stream.intake.fingerprint.keyed import ABSENT, KeyedHash, indexed
from stream.intake.fingerprint.phrases import Phrases, hashed
from stream.intake.fingerprint.template import MAX_CHARACTERS as OPENING_CHARACTERS
from stream.intake.fingerprint.template import template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Array

_OF_WORDS: Final = (*PHRASES, "content", "word_cells")
_COLUMNS: Final = ("prompt", "template", *_OF_WORDS)


class Prompts:
    """The fingerprints of prompts under a salt; nothing of a text is kept."""

    def __init__(self, salt: bytes, sharing: bytes | None = None) -> None:
        """Derive the hashes from the salt; with a ``sharing`` key also ``shared_template``."""
        self._whole = KeyedHash(salt, "prompt")
        self._templates = {"template": KeyedHash(salt, "template")}
        if sharing is not None:
            self._templates["shared_template"] = KeyedHash(sharing, "template")
        self._phrases, self._content = Phrases(salt), Content(salt)

    def of(self, texts: Sequence[str | None]) -> dict[str, Array]:
        """Return the columns about prompts, 0 for none, shape ``(n,)``.

        Equal texts are processed once.
        """
        if not any(texts):
            found = {name: np.zeros(len(texts), EVENT_COLUMNS[name]) for name in _COLUMNS}
            return found | dict.fromkeys(self._templates, found["template"])
        distinct, row = indexed(["" if text in ABSENT else text for text in texts])
        found = {name: np.zeros(len(distinct), EVENT_COLUMNS[name]) for name in _COLUMNS}
        starts = folded_prefixes(distinct)
        for rows, joined in portions(starts):
            found["prompt"][rows] = self._whole.of_bytes(joined.normal_forms())
            words = joined.words()
            if not len(words.start):
                continue
            hashes = hashed(words)
            phrases = self._phrases.of(hashes, words.count)
            content = self._content.of(hashes, words.count)
            for name, column in zip(_OF_WORDS, (*phrases.T, *content), strict=True):
                found[name][rows] = column
        templates = _templates(distinct, starts)
        for name, hashed_by in self._templates.items():
            found[name] = hashed_by.of_bytes(templates)
        return {name: column[row] for name, column in found.items()}


def _templates(texts: Sequence[str], starts: Sequence[str]) -> list[bytes]:
    """Return the templates of texts, of which ``starts`` are the folded prefixes."""
    openings = list(starts)
    sizes = map(max, map(len, texts), map(len, starts))
    long = [row for row, size in enumerate(sizes) if size > OPENING_CHARACTERS]
    shorter = folded_prefixes([texts[row] for row in long], OPENING_CHARACTERS)
    for row, opening in zip(long, shorter, strict=True):
        openings[row] = opening
    return [template(opening) for opening in openings]
