from __future__ import annotations

from itertools import combinations

import numpy as np

from stream.tools.simulate import language
from stream.tools.simulate.dice import Dice
from stream.tools.simulate.vocabulary import SUBJECTS


def shingles(text: str) -> set[tuple[str, ...]]:
    words = text.lower().split()
    return {tuple(words[i : i + 6]) for i in range(len(words) - 5)}


def test_strangers_seldom_say_the_same_six_words() -> None:
    dice = Dice(np.random.default_rng(4))
    said = []
    for _ in range(60):
        voice = language.voice(dice)
        said.append(set().union(*(shingles(voice.request(dice)) for _ in range(20))))
    pairs = [bool(a & b) for a, b in combinations(said, 2)]
    assert sum(pairs) / len(pairs) < 0.1


def test_a_person_has_something_new_to_say() -> None:
    dice = Dice(np.random.default_rng(4))
    voice = language.voice(dice)
    assert len({voice.request(dice) for _ in range(200)}) > 190


def test_text_is_ascii_and_not_empty() -> None:
    dice = Dice(np.random.default_rng(9))
    for subject in SUBJECTS:
        for text in (
            language.instruction(dice, subject),
            language.passage(dice, subject, 3),
            language.system_prompt(dice, subject, 5),
            language.code(dice, 3),
            language.identifier(dice),
        ):
            assert text.strip()
            assert text.isascii()
            assert "{" not in text
