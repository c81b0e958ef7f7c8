"""Punctuation as spaces leaves the words that a text has, whatever characters it is of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.intake.fingerprint.folding import folded_prefixes
from stream.intake.fingerprint.joined import portions
from stream.trace.punctuation import without_punctuation


def words(texts: list[str]) -> list[list[bytes]]:
    """Return the words of each text."""
    found: list[list[bytes]] = [[] for _ in texts]
    for rows, joined in portions(folded_prefixes(texts, 10_000)):
        every = joined.words()
        of = zip(every.start.tolist(), every.end.tolist(), strict=True)
        each = [every.text[start:end].rstrip(b"\0") for start, end in of]
        for row, count in zip(rows, every.count.tolist(), strict=True):
            found[row], each = each[:count], each[count:]
    return found


@pytest.mark.parametrize(
    "text",
    [
        "the tide\u2014twice a day\u2026 \u201cso\u201d they\u2019re",
        "\u2022 one \u2192 two\u00a0three \U0001f30a\ufe0f four",
        "x \u2260 y \u2264 z \u00d7 2",
    ],
)
def test_what_only_ends_words_becomes_ascii(text):
    (found,) = without_punctuation([text])
    assert found.isascii()
    assert words([found]) == words([text])


#: Characters whose forms are easily got wrong: signs with parts, marks, digits, invisible ones.
ODD = st.sampled_from(
    "\u00b4\u00a8\u00b2\u00bd\u2017\u203c\u2033\u2028\u0301\u200d\u00ad\ufe0f\u2776\u2460\u210c\u00aa"
    "\u2122\u3000\u0345\u1d2c\uac00\u6f6e\u00e9 ae1.-\U0001f30a\U0001d54f\U000e0101"
)


@given(st.lists(st.one_of(st.text(), st.text(ODD), st.text(ODD | st.characters())), max_size=5))
def test_the_words_are_the_same(texts):
    assert words(without_punctuation(texts)) == words(texts)


def test_every_character_beside_letters_leaves_the_words():
    texts = [f"tide{chr(code)}moon" for code in range(0x3100) if not 0xD800 <= code < 0xE000]
    texts += [f"tide{chr(code)}moon" for code in range(0x1F000, 0x1FB00)]
    assert words(without_punctuation(texts)) == words(texts)
