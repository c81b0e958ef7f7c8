"""Equal runs of words give equal phrases, whatever stands around them."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.fingerprint import phrases as module
from stream.fingerprint.phrases import KEPT, Phrases

SALT = b"a salt of the operator's own ...."
WORDS = [f"word{i}" for i in range(3000)]


class Reader:
    """Reads phrases alone."""

    def __init__(self, salt: bytes) -> None:
        self.phrases = Phrases(salt)

    def of(self, texts):
        return self.phrases.of(texts)[0]


@pytest.fixture(scope="module")
def phrases() -> Reader:
    return Reader(SALT)


def item(seed: int, words: int = 40) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def test_other_words_around_an_item_leave_a_phrase_in_common(phrases: Reader) -> None:
    before = "Answer as a patient teacher would and say why: "
    after = "\n\nWrite no more than three sentences, please."
    ours = phrases.of([before + item(seed) for seed in range(200)])
    theirs = phrases.of([item(seed) + after for seed in range(200)])
    shared = [bool({*a} & {*b}) for a, b in zip(ours.tolist(), theirs.tolist(), strict=True)]
    assert np.mean(shared) > 0.7


def test_different_items_have_nothing_in_common(phrases: Reader) -> None:
    found = phrases.of([item(seed) for seed in range(500)])
    assert len(np.unique(found)) == found.size


@pytest.mark.parametrize("text", [None, "", "five words are too few", "... --- !!!"])
def test_too_few_words_have_no_phrase(phrases: Reader, text: str | None) -> None:
    assert phrases.of([item(1), text, item(2)])[1].tolist() == [0] * KEPT


def test_case_and_punctuation_make_no_difference(phrases: Reader) -> None:
    plain = "explain how the tides follow the moon in one short paragraph"
    odd = "Explain: how the TIDES follow the moon,\tin one — short — paragraph!"
    assert (phrases.of([plain]) == phrases.of([odd])).all()


def test_scripts_without_spaces_have_words_too(phrases: Reader) -> None:
    text = "請用簡單的語言解釋潮汐為什麼會隨著月亮變化並且舉出三個例子"
    assert phrases.of([text]).all()


def test_another_salt_gives_other_phrases(phrases: Reader) -> None:
    assert not np.intersect1d(phrases.of([item(1)]), Reader(b"x" * 32).of([item(1)])).size


@given(st.lists(st.one_of(st.none(), st.text()), max_size=30), st.integers(1, 200))
def test_what_stands_beside_a_text_makes_no_difference(texts, portion) -> None:
    phrases = Reader(SALT)
    texts = [*texts, item(3), item(4)]
    together = phrases.of(texts)
    assert together.shape == (len(texts), KEPT)
    whole, module._PORTION = module._PORTION, portion
    try:
        apart = np.concatenate([phrases.of([text]) for text in texts])
        assert (phrases.of(texts) == apart).all()
    finally:
        module._PORTION = whole
    assert (together == apart).all()
