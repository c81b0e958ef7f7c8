"""A client cannot make its texts dear: the cost is bounded by the prefix that is looked at."""

from __future__ import annotations

import time
import unicodedata

import pytest

from stream.fingerprint.text import normalise, opening, standing


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "\u0301\u0316",
            "a\u0301\u0316\u0323",
            "\u05b0\u0327",
            "\u201c\u2018",
            "\u00ab",
            "\u2018 a",
        ),
        *("\u201c'\u00ab`", "\U0001d15e", "\u1100\u1161", "'ab", "`` ", '\u201c"', "'abc '"),
    ],
    ids=ascii,
)
def test_no_text_takes_long(unit):
    text = unit * 5000
    start = time.process_time()
    for _ in range(20):
        for form in (normalise, standing, opening):
            form(text)
    # Ordinary text takes a hundredth of this; combining marks once took 40 ms a time.
    assert (time.process_time() - start) / 20 < 0.02


@pytest.mark.parametrize("pair", ["\u201c\u201d", "\u2018\u2019", "\u00ab\u00bb", '""', "``"])
def test_an_item_that_is_longer_than_what_is_looked_at_is_masked_too(pair):
    start, end = pair
    short, long = f"{start}of one sea{end}", f"{start}{'of seven other seas ' * 300}{end}"
    ask = "please translate the following sentence to french: "
    assert opening(ask + short) == opening(ask + long) != b""


@pytest.mark.parametrize("text", ["a\u0301bc " * 900, "\u1112\u1161\u11ab" * 900, "e\u0301" * 2000])
def test_composed_and_decomposed_text_is_equal(text):
    composed = unicodedata.normalize("NFC", text)
    assert normalise(text)[:2000] == normalise(composed)[:2000]
