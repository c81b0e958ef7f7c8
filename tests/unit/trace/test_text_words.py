"""Words of many texts at once are those that a plain reading of each text finds."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.intake.fingerprint.text import SPACELESS, compatible_prefix
from stream.trace import text_words as module
from stream.trace.text_words import text_words

MOST = 10_000
UNSPACED = re.compile(f"[{SPACELESS}]")


def plain(text: str) -> list[str]:
    """Return the words of a text, character by character."""
    found: list[str] = []
    before = ""
    for one in compatible_prefix(text[:MOST], MOST).casefold():
        kind = "" if not one.isalnum() else "pairs" if UNSPACED.match(one) else "word"
        if kind and kind == before and (kind == "word" or len(found[-1]) == 1):
            found[-1] += one
        elif kind:
            found.append(one)
        before = kind
    return found


def words(texts: list[str], most: int = MOST) -> list[list[str]]:
    """Return the words of each text."""
    found: list[list[str]] = [[] for _ in texts]
    for rows, some in text_words(texts, most):
        data = some.text.tobytes()
        assert int(some.end.max(initial=0)) + 8 <= len(data)
        places = zip(some.start.tolist(), some.end.tolist(), strict=True)
        each = [data[start:end].decode() for start, end in places]
        for row, count in zip(rows.tolist(), some.count.tolist(), strict=True):
            found[row] += each[:count]
            each = each[count:]
        assert not each
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("The tide\u2014twice a DAY\u2026", ["the", "tide", "twice", "a", "day"]),
        ("STRASSE Stra\u00dfe \ufb01n", ["strasse", "strasse", "fin"]),
        ("\u0130stanbul \u0131", ["i", "stanbul", "\u0131"]),
        ("caf\u00e9 cafe\u0301 CAF\u00c9", ["caf\u00e9"] * 3),
        ("ti\u00adde mo\u200bon \ufeffsea", ["tide", "moon", "sea"]),
        ("\u6f6e\u6c50\u8868\u3001abc\u6f6e1", ["\u6f6e\u6c50", "\u8868", "abc", "\u6f6e", "1"]),
        ("\uff76\uff85\uff76", ["\u30ab\u30ca", "\u30ab"]),
        ("\u6f6e\u200b\u6c50\u8868", ["\u6f6e\u6c50", "\u8868"]),
        ("\U0001f469\u200d\U0001f52c x\u00b2 \u00bd\u2122", ["x2", "1", "2tm"]),
        ("a\ud800b\U000e0101c", ["a", "b", "c"]),
    ],
    ids=range(11),
)
def test_words_have_no_case_and_no_punctuation(text, expected):
    assert words([text]) == [expected]
    assert plain(text) == expected


#: Characters whose forms are easily got wrong: signs with parts, marks, digits, invisible ones.
ODD = st.sampled_from(
    "\u00b4\u00a8\u00b2\u00bd\u2017\u203c\u2033\u2028\u0301\u200d\u00ad\ufe0f\u2776\u2460\u210c\u00aa"
    "\u2122\u3000\u0345\u1d2c\uac00\u1100\u1161\u11a8\u6f6e\u30ab\uff76\uff9e\u3231\u00e9\u00df\u0130"
    "\ufb01\u03c2\u03a3\u023a \u212a\n\t ae1.-\U0001f30a\U0001d54f\U000e0101\U0002f800"
    "\ud800\u0e01\u0e31"
)
TEXTS = st.one_of(st.text(), st.text(ODD), st.text(ODD | st.characters(categories=None)))


@given(st.lists(TEXTS, max_size=5))
def test_the_words_are_those_of_a_plain_reading(texts):
    assert words(texts) == [plain(text) for text in texts]


def test_every_character_is_read_as_it_is_by_itself_and_beside_others():
    texts = [f"tide{chr(code)}moon {chr(code)}\u6f6e{chr(code)}" for code in range(0x34000)]
    texts += [f"tide{chr(code)}moon" for code in (0x3FFFF, 0x40000, 0xE0001, 0xE01EF, 0x10FFFF)]
    assert words(texts) == [plain(text) for text in texts]


@given(st.lists(st.text("a \u00e9\u6f6e", max_size=40), max_size=30), st.integers(1, 60))
def test_portions_make_no_difference(texts, size):
    whole = words(texts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PORTION", size)
        assert words(texts) == whole
        portions = [rows for rows, _ in text_words(texts, MOST)]
    assert np.unique(np.concatenate([*portions, [0]])).tolist() == list(range(max(len(texts), 1)))


def test_only_the_first_characters_are_read():
    assert words(["one two\u00e9 three", "x" * 99], 7) == [["one", "two"], ["x" * 7]]


def test_very_long_words_and_many_marks_end_in_time():
    assert words(["x" * 2**17, "e" + "\u0301" * 2**15], 2**17)[0] == ["x" * 2**17]
