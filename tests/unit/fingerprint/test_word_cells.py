"""Which cells a prompt's words fall into: the same words the same cells, keyed by the salt."""

from __future__ import annotations

import numpy as np
import pytest

from stream.core.events import WORD_CELLS
from stream.intake.fingerprint.prompts import Prompts

SALT = b"a salt of the operator's own ...."
WORDS = ["moon", "water", "gravity", "coast", "height", "basin", "spring", "neap", "orbit", "pull"]


def bits(text: str | None, salt: bytes = SALT) -> np.ndarray:
    # Beside others, as in a record batch.
    found = Prompts(salt).of(["another prompt", text, "and one more"])["word_cells"]
    return np.unpackbits(found.view(np.uint8).reshape(3, WORD_CELLS // 8)[1])


def test_a_text_has_the_cells_of_its_words() -> None:
    union = np.any([bits(word) for word in WORDS], axis=0)
    assert (bits(" ".join(WORDS)) == union).all()
    assert all(bits(word).sum() == 1 for word in WORDS)
    assert union.sum() > len(WORDS) / 2


def test_order_case_and_repetition_make_no_difference() -> None:
    again = " ".join([*reversed(WORDS), *WORDS]).upper()
    assert (bits(again) == bits(" ".join(WORDS))).all()


def test_another_salt_gives_other_cells() -> None:
    assert (bits(" ".join(WORDS)) != bits(" ".join(WORDS), b"x" * 32)).any()


@pytest.mark.parametrize("text", [None, "", "... --- !!!"])
def test_no_words_have_no_cells(text: str | None) -> None:
    assert not bits(text).any()
