"""The columns of many prompts at once are, bit by bit, those of each as they are defined."""

from __future__ import annotations

import random
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.core.events import EVENT_COLUMNS
from stream.intake.fingerprint import folding
from stream.intake.fingerprint.folding import BESIDE, TABLED, characters, folded_prefixes
from stream.intake.fingerprint.joined import normal_forms
from stream.intake.fingerprint.keyed import utf8
from stream.intake.fingerprint.prompts import Prompts
from stream.intake.fingerprint.text import compatible_prefix, folded, normalise
from testlib.plain_text import PlainPrompts

SALT = b"a salt of the operator's own ...."
#: What has a rule of its own: case, marks, quotations, spaces, scripts, digits, what is invisible.
ODD = [
    *"aZéÉß\u2014_請中ไ๐'\u2019\u00a0\u2028İ½09\"`\u0301\uff9e\uff76한\u1161\u11ab\u1100🙂\ufe0f",
    *"\u200b\u201c\u201d\u2018«».,\x1c\n\t\u0660ǆΩ\u03a3\u03c2\u0345\U0001d400\U00020000\ud800",
    *"\U000e0100\u2026\u0f73\u09be\u09c7\ufb01\uff01\uff0c\u30fb\u3007\u0378-(",
    *("```", "the", "and-or", "don't", "3.14", "x1", "antidisestablishmentarianism"),
]
PIECES = st.sampled_from([*ODD, " ", " ", "  ", "word ", " of the sea", "深い海の", "Hello, "])
TEXTS = st.one_of(st.none(), st.just("-"), st.text(), st.lists(PIECES, max_size=60).map("".join))


def rows(texts: list[str | None]) -> list[dict[str, object]]:
    found = Prompts(SALT).of(texts)
    assert {name: column.dtype for name, column in found.items()} == {
        name: EVENT_COLUMNS[name] for name in found
    }
    return [
        {name: one.tobytes() if one.dtype.kind == "V" else int(one) for name, one in row.items()}
        for row in ({name: column[i] for name, column in found.items()} for i in range(len(texts)))
    ]


@given(st.lists(TEXTS, max_size=8))
def test_columns_are_what_they_are_defined_to_be(texts) -> None:
    plain = PlainPrompts(SALT)
    assert rows(texts) == [plain.of(text) for text in texts]


def long_texts() -> list[str]:
    dice = random.Random(4)
    made = ["".join(dice.choices(ODD, k=dice.randint(900, 4200))) for _ in range(6)]
    english = " ".join(dice.choices([*"abc", "Moon", "sea;", "don't", "(ask)", "'why'"], k=1500))
    return [
        *made,
        english,
        english.replace("sea", "été"),
        "深い海\uff0c" * 1300,
        "x" * 5000,
        "é" * 5000,
        "🙂 " * 2500,
        "\u2026" * 4090 + "e\u0301" * 9,  # longer than what is read once they are dots
        "\u200b" * 1000 + "what is read of a text begins after what cannot be seen of it " * 60,
        "a quotation of two pages: \u201c"
        + "so it goes on " * 70
        + "\u201d and then the rest of the text",
    ]


@pytest.mark.parametrize("text", long_texts(), ids=range(len(long_texts())))
def test_columns_of_long_texts_are_too(text: str) -> None:
    assert rows([text]) == [PlainPrompts(SALT).of(text)]


@given(st.lists(TEXTS, max_size=30), st.integers(1, 200), st.integers(1, 5))
def test_what_stands_beside_a_prompt_makes_no_difference(texts, portion, most) -> None:
    together = rows(texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(folding, "PORTION", portion)
        patch.setattr(folding, "MOST_TEXTS", most)
        assert rows(texts) == together
    assert [rows([text])[0] for text in texts] == together


@given(st.lists(st.text() | st.lists(PIECES).map("".join)), st.sampled_from([3, 256, 4096]))
@settings(deadline=None)
def test_texts_are_folded_together_as_they_are_alone(texts, limit) -> None:
    together = [utf8(text).lower() for text in folded_prefixes(texts, limit)]
    assert together == [utf8(folded(compatible_prefix(text, limit))).lower() for text in texts]
    assert normal_forms(texts) == [normalise(text) for text in texts]


@pytest.mark.parametrize("invisible", ["\ufe0f", "\u200d", "\u200d" * 9])
@pytest.mark.parametrize("beside", ["\u00bc", "e\u0301", "\ufb01"])
def test_a_prompt_of_characters_that_vanish_stops_nothing(invisible: str, beside: str) -> None:
    for texts in ([beside, invisible], [invisible, beside], [beside, invisible, invisible]):
        found = Prompts(SALT).of(texts)["prompt"].tolist()
        assert found == [int(Prompts(SALT).of([text])["prompt"][0]) for text in texts]


def test_columns_never_change_between_releases() -> None:
    """State in topics refers to these values: changing one forgets what was learned."""
    text = "Répondez, s'il vous plaît — 請用簡單的語言 — or In English: why do x_1 and ½ differ?"
    assert rows([text]) == [FROZEN]


FROZEN = {
    "prompt": 2099822711958360503,
    "template": 11613893946259023245,
    "phrase_1": 5522112106313237323,
    "phrase_2": 11906775519335071599,
    "content": bytes.fromhex("749c8bf67f416cc134b1cf7ffd93436e"),
    "word_cells": bytes.fromhex("0002000014000080000000102601800016010000000008001280000000000000"),
}


def test_every_character_is_in_the_table() -> None:
    kind, step = characters()
    assert len(kind) == len(step) == TABLED
    for code in range(TABLED, 0x110000):
        one = chr(code)
        assert not one.isalnum()
        assert not one.isspace()
        assert not unicodedata.combining(one)
        assert unicodedata.normalize("NFKC", one).casefold() == one
    alone = [chr(code) for code in np.flatnonzero((kind & BESIDE == 0) & (np.arange(TABLED) > 127))]
    together = [one.lower() for one in folded_prefixes(alone)]
    assert together == [folded(compatible_prefix(one)).lower() for one in alone]
    assert len(alone) > 0.9 * TABLED


@pytest.mark.parametrize(
    "after", ["\u0301", "\u1161", "\u11a8", "\u3099", "\u09be", "\uff9e", "\ufe0f"]
)
def test_what_combines_with_what_is_before_it_is_not_taken_alone(after: str) -> None:
    assert characters().kind[ord(after)] & BESIDE
