"""What the fingerprints of a prompt are defined to be: one text at a time, step by step.

Slow and short; `stream.intake.fingerprint` has to come to the same, bit by bit.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Final

import numpy as np

from stream.core.events import CONTENT_SCALE, WORD_CELLS
from stream.intake.fingerprint.content_vectors import Content
from stream.intake.fingerprint.keyed import ABSENT, KeyedHash
from stream.intake.fingerprint.phrases import KEPT, WORDS

_INVISIBLE: Final = "[\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]"
_SPACELESS: Final = "\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff"
_LETTER: Final = rf"[^\W{_SPACELESS}]"
_SLOT: Final = re.compile(
    r'```.*?(?:```|\Z)|`[^`]*(?:`|\Z)|"[^"]*(?:"|\Z)'
    r"|\u201c[^\u201d]*(?:\u201d|\Z)|\u2018[^\u2019]*(?:\u2019|\Z)|\u00ab[^\u00bb]*(?:\u00bb|\Z)"
    rf"|'(?<!{_LETTER}')[^'\n]{{3,}}'(?!{_LETTER})",
    re.DOTALL,
)


def prefix(text: str, limit: int = 4096) -> str:
    """Return the first characters in NFKC, without invisible ones."""
    return re.sub(_INVISIBLE, "", unicodedata.normalize("NFKC", text[:limit]))[:limit]


def normal_form(text: str) -> bytes:
    """Return the text without case and white space."""
    return _bytes(prefix(text).casefold()).lower().translate(None, b" \t\n\r\v\f")


def words(text: str) -> list[bytes]:
    """Return the words of a text; in scripts without spaces, each two characters."""
    bare = re.sub(r"[^\w\s]", " ", prefix(text).casefold())
    apart = re.sub(f"([{_SPACELESS}]{{1,2}})", r" \1 ", bare)
    return [word for word in re.split(rb"[^0-9a-z\x80-\xff]+", _bytes(apart).lower()) if word]


def template(text: str) -> bytes:
    """Return the first eight words, with slots masked, if at least four are not."""
    looked_at = _SLOT.sub(' " ', prefix(text, 1024).casefold()).split()[:16]
    apart = re.sub(f"([{_SPACELESS}]{{1,2}})", r" \1 ", " ".join(looked_at)).split()[:16]
    bare = [word.strip(".,;:!?()[]{}<>*#_=|/\\-\u2013\u2014") for word in apart]
    short = [word if len(word) <= 23 else "~" for word in bare if word][:8]
    masked = [re.sub(r"\d+(?:[.,:]\d+)*", "0", word) for word in short]
    unmasked = [word for word in masked if word not in {"0", "~", '"'}]
    return _bytes(" ".join(masked)).lower() if len(unmasked) >= 4 else b""


class PlainPrompts:
    """The fingerprints of prompts under a salt."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt

    def of(self, text: str | None) -> dict[str, object]:
        """Return the columns about one prompt."""
        text = "" if text in ABSENT else text
        hashes = [_mixed(_polynomial(word, 0x9E3779B97F4A7C15)) for word in words(text)]
        content, cells = self._content(hashes)
        return {
            "prompt": self._hashed("prompt", normal_form(text)),
            "template": self._hashed("template", template(text)),
            **dict(zip(("phrase_1", "phrase_2"), self.phrases(hashes), strict=True)),
            "content": content,
            "word_cells": cells,
        }

    def phrases(self, hashes: list[int]) -> list[int]:
        """Return the fingerprints of the runs of words with the smallest keyed hashes."""
        key = self._hashed("phrase order", b"key")
        runs = {
            _mixed(_polynomial(hashes[at : at + WORDS], 0xD6E8FEB86659FD93) ^ key)
            for at in range(len(hashes) - WORDS + 1)
        }
        kept = [self._hashed("phrase", run.to_bytes(8, "little")) for run in sorted(runs)[:KEPT]]
        return kept + [0] * (KEPT - len(kept))

    def _content(self, hashes: list[int]) -> tuple[bytes, bytes]:
        key = self._hashed("content", b"key")
        pairs = [(one * 0x9E3779B97F4A7C15 + other) % 2**64 for one, other in pairwise(hashes)]
        frequencies = Content(self._salt)._frequencies
        bag, present = np.zeros(len(frequencies), np.float32), np.zeros(WORD_CELLS, np.uint8)
        for one in [_mixed(one ^ key) for one in hashes + pairs]:
            bag[one % len(bag)] += 1 if one >> 63 else -1
        for one in [_mixed(one ^ key) for one in hashes]:
            present[one // len(bag) % WORD_CELLS] = 1
        length = np.sqrt((bag**2).sum())
        angles = (bag @ frequencies) / max(length, np.float32(1))
        waves = np.concatenate([np.cos(angles), np.sin(angles)]) * bool(length)
        vector = np.rint(waves * CONTENT_SCALE).astype(np.int8)
        return vector.tobytes(), np.packbits(present).tobytes()

    def _hashed(self, purpose: str, value: bytes) -> int:
        return int(KeyedHash(self._salt, purpose).of_bytes([value])[0])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _polynomial(numbers: bytes | list[int], base: int) -> int:
    return sum(number * pow(base, i, 2**64) for i, number in enumerate(numbers)) % 2**64


def _mixed(number: int) -> int:
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    number = (number ^ number >> 27) * 0x94D049BB133111EB % 2**64
    return number ^ number >> 31
