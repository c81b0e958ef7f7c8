"""A client cannot make its texts dear: the cost is bounded by the prefix that is looked at."""

from __future__ import annotations

import time
import unicodedata

import pytest

from stream.intake.fingerprint.template import template_prefix
from stream.intake.fingerprint.text import normalise, normalise_system_prompt


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
    ordinary, text = "the plain words of a question " * 500, unit * 5000
    usual, dear, longer = fastest(ordinary, text, text * 8)
    # The dearest of these takes 200 times as much; before they were bounded it was 2500 times.
    assert dear < 700 * usual
    # What comes after the prefix is not looked at.
    assert longer < 3 * dear


def fastest(*texts):
    """Return the least time that each takes; in turn, so that what disturbs one disturbs all."""
    return [min(times) for times in zip(*(map(cost, texts) for _ in range(9)), strict=True)]


def cost(text):
    start = time.process_time()
    for _ in range(10):
        for form in (normalise, normalise_system_prompt, template_prefix):
            form(text)
    return time.process_time() - start


@pytest.mark.parametrize("pair", ["\u201c\u201d", "\u2018\u2019", "\u00ab\u00bb", '""', "``"])
def test_an_item_that_is_longer_than_what_is_looked_at_is_masked_too(pair):
    start, end = pair
    short, long = f"{start}of one sea{end}", f"{start}{'of seven other seas ' * 300}{end}"
    ask = "please translate the following sentence to french: "
    assert template_prefix(ask + short) == template_prefix(ask + long) != b""


@pytest.mark.parametrize("text", ["a\u0301bc " * 900, "\u1112\u1161\u11ab" * 900, "e\u0301" * 2000])
def test_composed_and_decomposed_text_is_equal(text):
    composed = unicodedata.normalize("NFC", text)
    assert normalise(text)[:2000] == normalise(composed)[:2000]
