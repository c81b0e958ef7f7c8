"""Equal runs of words give equal phrases, whatever stands around them."""

from __future__ import annotations

import random

import numpy as np
import pytest

from stream.core.events import PHRASES
from stream.intake.fingerprint.phrases import KEPT
from stream.intake.fingerprint.prompts import Prompts

SALT = b"a salt of the operator's own ...."
VOCABULARY = [f"word{i}" for i in range(3000)]


class Texts:
    """Phrases of texts as they stand."""

    def __init__(self, salt: bytes = SALT) -> None:
        self._prompts = Prompts(salt)

    def of(self, texts: list[str | None]) -> np.ndarray:
        columns = self._prompts.of(texts)
        return np.stack([columns[name] for name in PHRASES], axis=1)


@pytest.fixture(scope="module")
def phrases() -> Texts:
    return Texts()


def item(seed: int, words: int = 40) -> str:
    return " ".join(random.Random(seed).choices(VOCABULARY, k=words))


def test_other_words_around_an_item_leave_a_phrase_in_common(phrases: Texts) -> None:
    before = "Answer as a patient teacher would and say why: "
    after = "\n\nWrite no more than three sentences, please."
    ours = phrases.of([before + item(seed) for seed in range(200)])
    theirs = phrases.of([item(seed) + after for seed in range(200)])
    shared = [bool({*a} & {*b}) for a, b in zip(ours.tolist(), theirs.tolist(), strict=True)]
    assert np.mean(shared) > 0.7


def test_different_items_have_nothing_in_common(phrases: Texts) -> None:
    found = phrases.of([item(seed) for seed in range(500)])
    assert len(np.unique(found)) == found.size


@pytest.mark.parametrize("text", [None, "", "five words are too few", "... --- !!!"])
def test_too_few_words_have_no_phrase(phrases: Texts, text: str | None) -> None:
    assert phrases.of([item(1), text, item(2)])[1].tolist() == [0] * KEPT


def test_case_and_punctuation_make_no_difference(phrases: Texts) -> None:
    plain = "explain how the tides follow the moon in one short paragraph"
    odd = "Explain: how the TIDES follow the moon,\tin one — short — paragraph!"
    assert (phrases.of([plain]) == phrases.of([odd])).all()


def test_scripts_without_spaces_have_words_too(phrases: Texts) -> None:
    text = "請用簡單的語言解釋潮汐為什麼會隨著月亮變化並且舉出三個例子"
    assert phrases.of([text]).all()


def test_another_salt_gives_other_phrases(phrases: Texts) -> None:
    assert not np.intersect1d(phrases.of([item(1)]), Texts(b"x" * 32).of([item(1)])).size
