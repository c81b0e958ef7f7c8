"""Canaries are found as whole words, whatever case, markup or form they have, and never within."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.canaries import CANARIES, canary_of
from stream.core.errors import UsageError
from stream.trace.canary_search import CanarySearch
from stream.trace.text_words import text_words

WORD, OTHER = canary_of(123_456_789_012), canary_of(CANARIES - 1)
WIDE = "".join(chr(ord(letter) + 0xFEE0) for letter in WORD)


def search(*texts: str, words: tuple[str, ...] = (WORD, OTHER), most: int = 100) -> CanarySearch:
    found = CanarySearch(words, most=most)
    found.look(text_words(texts, 2**17), np.arange(1, len(texts) + 1).astype(np.uint32))
    return found


def rows(*texts: str) -> dict[str, list[int]]:
    return {word: of.tolist() for word, of in search(*texts).found().items()}


@pytest.mark.parametrize(
    "text",
    [
        WORD,
        f"the company {WORD.title()}, Ltd.",
        f"{WORD.upper()}!",
        f"**{WORD}**'s",
        f"`{WORD}_service = new_{WORD}()`",
        f"https://{WORD}.example/{WORD}.py",
        f"{WORD[:5]}\u00ad{WORD[5:]}",  # a soft hyphen
        f"{WORD[:5]}\u200b{WORD[5:]}",  # a space of no width
        WIDE,
        WIDE.upper(),
        f"\u201c{WORD}\u201d \u2014 und \u00fcber",
        f"\u65e5\u672c\u8a9e{WORD}\u306f",
        f"\u043f\u0440\u0438\u0432\u0435\u0442 {WORD}",
        "a" + 50 * "\u0301" + f" {WORD}",
    ],
)
def test_it_is_found_in_any_form(text: str) -> None:
    assert rows("nothing here", text) == {WORD: [2]}


@pytest.mark.parametrize(
    "text",
    [
        f"{WORD}s",
        f"x{WORD}",
        f"{WORD}2",
        f"{WORD}\u00e9",
        f"{WORD}{WORD}",
        WORD[:-1],
        f"{WORD[:6]} {WORD[6:]}",
        f"{WORD[:6]}-{WORD[6:]}",
        WORD[::-1],
        WORD[:-1] + ("n" if WORD[-1] != "n" else "m"),
        WORD.replace("a", "\u0430").replace("o", "\u043e").replace("u", "\u03c5"),  # look alike
        f"{WORD[:8]}wert",
        "",
    ],
)
def test_a_part_of_a_word_and_a_similar_word_are_not(text: str) -> None:
    assert rows(text, f"{text} {text}") == {}


PIECES = st.sampled_from([WORD, WORD.upper(), OTHER, WORD[:11], f"{WORD}s", WORD[6:], "of", "Z1"])
GAPS = st.sampled_from([" ", "", "-", "_", ".", "\n", "**", "9", "a"])


@given(st.lists(st.lists(st.tuples(PIECES, GAPS), max_size=8), max_size=5))
def test_what_is_found_is_what_the_words_of_the_texts_are(drawn) -> None:
    texts = ["".join(piece + gap for piece, gap in one) for one in drawn]
    words = [re.findall("[a-z0-9]+", text.lower()) for text in texts]
    expected = {
        word: [row for row, ones in enumerate(words, 1) if word in ones] for word in (WORD, OTHER)
    }
    found = search(*texts)
    assert {word: of.tolist() for word, of in found.found().items()} == {
        word: of for word, of in expected.items() if of
    }
    assert found.compared == sum(len(one) == 12 for ones in words for one in ones)


def test_a_row_counts_once_however_often_it_has_the_word() -> None:
    found = search(f"{WORD} " * 1000, words=(WORD,))
    assert found.found()[WORD].tolist() == [1]
    assert found.compared == 1000


def test_words_are_counted_without_canaries_too() -> None:
    found = search(f"{WORD} {WORD}", words=())
    assert (found.compared, found.found()) == (2, {})


def test_more_rows_than_are_kept_end_in_one_line() -> None:
    with pytest.raises(UsageError, match="more than 5 rows have a canary"):
        search(*[WORD] * 6, most=5)
    found = search(*[WORD] * 5, most=5)
    for _ in range(3):  # the same rows again are no more
        found.look(text_words([WORD] * 5, 2**17), np.arange(1, 6).astype(np.uint32))
    assert found.found()[WORD].tolist() == [1, 2, 3, 4, 5]
