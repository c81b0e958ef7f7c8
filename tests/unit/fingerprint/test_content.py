"""Prompts of similar words are close, whatever their order, and the salt keeps what they are."""

from __future__ import annotations

import random

import numpy as np
import pytest

from stream.core.events import CONTENT_DIMENSIONS, CONTENT_SCALE
from stream.intake.fingerprint import folding
from stream.intake.fingerprint.content_vectors import _STEP, Content
from stream.intake.fingerprint.prompts import Prompts
from stream.intake.fingerprint.text import MAX_CHARACTERS

SALT = b"a salt of the operator's own ...."
TIDES = "moon water gravity coast height basin spring neap orbit pull shore level"
LOANS = "interest month credit bank rate debt payment term lender fee default sum"


def prompts(subject: str, count: int, seed: int = 0) -> list[str]:
    dice = random.Random(f"{subject} {seed}")
    return [" ".join(dice.choices(subject.split(), k=30)) for _ in range(count)]


def vectors(texts, salt=SALT):
    content = Prompts(salt).of(texts)["content"]
    whole = content.view(np.int8).reshape(len(texts), CONTENT_DIMENSIONS)
    return whole / (CONTENT_SCALE * np.sqrt(CONTENT_DIMENSIONS / 2))


def test_every_vector_has_the_length_one():
    lengths = np.linalg.norm(vectors(prompts(TIDES, 50)), axis=1)
    assert lengths == pytest.approx(np.ones(50), abs=0.02)


def test_means_of_one_subject_are_closer_than_those_of_two():
    one, same = (vectors(prompts(TIDES, 200, seed)).mean(axis=0) for seed in (1, 2))
    other = vectors(prompts(LOANS, 200)).mean(axis=0)
    assert np.linalg.norm(one - same) < 0.3 * np.linalg.norm(one - other)


def test_the_order_of_words_matters_little_and_case_not_at_all():
    text = prompts(TIDES, 1)[0]
    turned = " ".join(reversed(text.split()))
    plain, loud, backwards, other = vectors([text, text.upper(), turned, *prompts(LOANS, 1)])
    assert (plain == loud).all()
    assert np.linalg.norm(plain - backwards) < np.linalg.norm(plain - other)


def test_another_salt_gives_other_vectors():
    texts = prompts(TIDES, 20)
    assert np.abs(vectors(texts) - vectors(texts, b"x" * 32)).max() > 0.1


@pytest.mark.parametrize("text", [None, "", "... --- !!!"])
def test_no_words_are_no_content(text):
    content = Prompts(SALT).of([*prompts(TIDES, 1), text, "word"])["content"]
    first, none, _ = content.view(f"({CONTENT_DIMENSIONS},)i1")
    assert first.any()
    assert not none.any()


def test_what_stands_beside_a_text_makes_no_difference(monkeypatch):
    dice = random.Random(1)
    words = [f"{one}{two}" for one in TIDES.split() for two in LOANS.split()]
    crowd = [" ".join(dice.choices(words, k=dice.randint(1, 120))) for _ in range(200)]
    texts = [*prompts(TIDES, 8), None, *crowd, "tide " * 2048]
    together = vectors(texts)
    apart = np.concatenate([vectors([text]) for text in texts])
    assert (together == apart).all()
    monkeypatch.setattr(folding, "MOST_TEXTS", 3)
    assert (vectors(texts) == together).all()


def test_sums_over_the_longest_text_are_exact_however_they_are_cut():
    """As products of matrices are, by their shapes: whole numbers below 2^24 are never rounded."""
    steps = Content(SALT)._frequencies.astype(float) / _STEP
    assert (steps == np.rint(steps)).all()
    # A word takes two characters, and with its neighbour counts once more.
    assert MAX_CHARACTERS * np.abs(steps).max() < 2**24
