"""Equal runs of words give equal phrases, whatever stands around them."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.intake.fingerprint import phrases as module
from stream.intake.fingerprint.keyed import KeyedHash
from stream.intake.fingerprint.phrases import KEPT, WORDS, Phrases
from stream.intake.fingerprint.text import compatible_prefix, separated_words

SALT = b"a salt of the operator's own ...."
VOCABULARY = [f"word{i}" for i in range(3000)]
#: Of a text in several scripts; see `test_a_phrase_never_changes_between_releases`.
MIXED = "Répondez, s'il vous plaît — 請用簡單的語言 — or In English: why do x_1 and ½ differ?"
FROZEN = [5522112106313237323, 11906775519335071599]


class Texts:
    """Phrases of texts as they stand."""

    def __init__(self, salt: bytes = SALT) -> None:
        self._phrases = Phrases(salt)

    def of(self, texts: list[str | None]) -> np.ndarray:
        return self._phrases.of([separated_words(compatible_prefix(text or "")) for text in texts])[
            0
        ]


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


@given(st.lists(st.one_of(st.none(), st.text()), max_size=30), st.integers(1, 200))
def test_what_stands_beside_a_text_makes_no_difference(texts, portion) -> None:
    phrases = Texts()
    texts = [*texts, item(3), item(4)]
    together = phrases.of(texts)
    assert together.shape == (len(texts), KEPT)
    default = module._PORTION
    module._PORTION = portion  # type: ignore[misc]
    try:
        apart = np.concatenate([phrases.of([text]) for text in texts])
        assert (phrases.of(texts) == apart).all()
    finally:
        module._PORTION = default  # type: ignore[misc]
    assert (together == apart).all()


def plainly(text: str) -> set[int]:
    """Return the phrases of a text as they are defined, without any array."""
    prints, order = KeyedHash(SALT, "phrase"), KeyedHash(SALT, "phrase order")
    words = [word for word in separated_words(compatible_prefix(text)).split(b"\0") if word]
    hashes = [mixed(polynomial(word, 0x9E3779B97F4A7C15)) for word in words]
    runs = {
        mixed(polynomial(hashes[at : at + WORDS], 0xD6E8FEB86659FD93) ^ order.one("key"))
        for at in range(len(words) - WORDS + 1)
    }
    smallest = b"".join(run.to_bytes(8, "little") for run in sorted(runs)[:KEPT])
    each = [smallest[at : at + 8] for at in range(0, len(smallest), 8)]
    return {*prints.of_bytes(each).tolist()}


def polynomial(numbers, base: int) -> int:
    return sum(number * pow(base, i, 2**64) for i, number in enumerate(numbers)) % 2**64


def mixed(number: int) -> int:
    number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    number = (number ^ number >> 27) * 0x94D049BB133111EB % 2**64
    return number ^ number >> 31


@given(st.lists(st.text(st.sampled_from("ab é請, ")), min_size=1, max_size=9))
def test_phrases_are_what_they_are_defined_to_be(texts: list[str]) -> None:
    found = Texts().of([*texts])
    assert [{*row} - {0} for row in found.tolist()] == [plainly(text) for text in texts]


def test_a_phrase_never_changes_between_releases() -> None:
    """State in topics refers to these values: changing one forgets what was learned."""
    assert Texts().of([MIXED])[0].tolist() == FROZEN
