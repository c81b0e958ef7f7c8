"""Sketches: the same words give the same hashes, other words others, and a fixed share is kept."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.trace.shingles import WORDS
from stream.trace.sketcher import DENSITIES, MAX_CHARACTERS, Sketcher

KEY, OTHER_KEY = b"a key of the operator's own .....", b"another key of the operator ....."
VOCABULARY = [f"word{i}" for i in range(3000)]
#: A run of words as such, in which nothing is markup.
PLAIN = "the tides follow the moon twice a day in most of the seas of the world"


@pytest.fixture(scope="module")
def sketcher() -> Sketcher:
    return Sketcher(KEY)


def article(seed: int, words: int = 400) -> str:
    return " ".join(random.Random(seed).choices(VOCABULARY, k=words))


def of(sketcher: Sketcher, text: str, one_in: int = 1) -> set[int]:
    return {*sketcher.sketches([text], one_in).hashes.tolist()}


@pytest.mark.parametrize(
    "same",
    [
        PLAIN.upper(),
        PLAIN.replace(" ", "\r\n\t"),
        (
            "The **tides** follow _the_ `moon`: twice a day\n> in most of (the)"
            " seas of \u201cthe world\u201d!"
        ),
        "The tides follow the moon—twice a day…in most of the seas of the\u00a0world",
        PLAIN.replace("tides", "\uff54\uff49\uff44\uff45\uff53"),  # full-width letters
        PLAIN.replace("tides", "ti\u00addes").replace("moon", "mo\u200bon"),  # invisible ones
    ],
    ids=range(6),
)
def test_case_markup_punctuation_and_white_space_make_no_difference(sketcher, same):
    assert len(of(sketcher, PLAIN)) == len(PLAIN.split()) - WORDS + 1
    assert of(sketcher, same) == of(sketcher, PLAIN)


def test_one_other_word_changes_the_runs_that_have_it(sketcher):
    words = article(1).split()
    changed = [*words[:200], "unheard", *words[201:]]
    kept = of(sketcher, " ".join(words)) & of(sketcher, " ".join(changed))
    assert len(kept) == len(words) - WORDS + 1 - WORDS


def test_a_part_has_the_hashes_of_the_whole(sketcher):
    words = article(2).split()
    assert of(sketcher, " ".join(words[70:220])) < of(sketcher, " ".join(words))


def test_other_texts_and_other_keys_have_nothing_in_common(sketcher):
    found = sketcher.sketches([article(seed) for seed in range(200)], 1)
    assert len(np.unique(found.hashes)) == found.shingles.sum()
    assert not of(sketcher, article(1)) & of(Sketcher(OTHER_KEY), article(1))


@pytest.mark.parametrize("one_in", DENSITIES)
def test_the_share_of_the_density_is_kept_and_thinner_sketches_are_part_of_denser_ones(
    sketcher, one_in
):
    texts = [article(seed) for seed in range(300)]
    whole, thin = sketcher.sketches(texts, 1), sketcher.sketches(texts, one_in)
    expected = whole.shingles.sum() / one_in
    assert abs(len(thin.hashes) - expected) < 5 * expected**0.5 + 1
    below = whole.hashes <= np.uint64(2**64 // one_in - 1)
    assert thin.hashes.tolist() == whole.hashes[below].tolist()
    assert thin.text.tolist() == whole.text[below].tolist()


def test_the_share_of_hashes_in_common_is_that_of_the_shingles():
    whole = article(3, 15_000).split()
    part, shares = " ".join(whole[:9_000]), []
    for number in range(20):
        sketcher = Sketcher(KEY + bytes([number]))
        hashes, copied = of(sketcher, " ".join(whole), 16), of(sketcher, part, 16)
        shares.append(len(hashes & copied) / len(hashes))
    assert np.mean(shares) == pytest.approx(0.6, abs=0.015)  # some four standard errors
    # As independent draws would: (0.6 * 0.4 / 937) ** 0.5 is 0.016.
    assert 0.008 < np.std(shares) < 0.03


def test_hashes_spread_evenly(sketcher):
    found = of(sketcher, article(4, 20_000))
    bits = np.unpackbits(np.array(sorted(found), "<u8").view(np.uint8)).reshape(len(found), 64)
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / len(found) ** 0.5


@pytest.mark.parametrize(
    "run",
    [
        "a " * 8,
        "a b c d e f g h",
        "aaaaaaaa " * 8,
        "a2345678b2345678 " * 8,
        "\u6f6e" * 16,
        "abcdefgh hgfedcba " * 4,
    ],
    ids=range(6),
)
def test_words_do_not_decide_what_is_kept_but_with_the_key(run):
    kept = [len(of(Sketcher(KEY + b"%d" % number), run, 4)) for number in range(400)]
    assert np.mean(kept) == pytest.approx(1 / 4, abs=5 * (3 / 16 / 400) ** 0.5)


@given(
    st.lists(
        st.one_of(
            st.text(max_size=200),
            st.lists(
                st.sampled_from(["the", "Sea", "café", "月", "潮汐的", "🌊"]), max_size=40
            ).map(" ".join),
        ),
        max_size=8,
    ),
    st.sampled_from((1, 4)),
)
def test_texts_together_are_as_each_alone(texts, one_in):
    sketcher = Sketcher(KEY)
    together = sketcher.sketches(texts, one_in)
    for row, text in enumerate(texts):
        alone = sketcher.sketches([text], one_in)
        assert together.hashes[together.text == row].tolist() == alone.hashes.tolist()
        assert together.shingles[row] == alone.shingles[0]
        assert (np.diff(alone.hashes.astype(object)) > 0).all()


@pytest.mark.parametrize("text", ["", "seven words are not enough for one", "... --- !!!"])
def test_too_few_words_have_no_sketch(sketcher, text):
    found = sketcher.sketches([article(1), text, article(2)], 1)
    assert found.shingles[1] == 0
    assert 1 not in found.text.tolist()


def test_words_without_spaces_are_found_in_a_part(sketcher):
    text = "潮汐是在月球和太阳引力作用下形成的海水周期性涨落现象。" * 3
    assert of(sketcher, text[27:])
    assert of(sketcher, text[27:]) <= of(sketcher, text)


def test_long_words_differ_by_what_is_read_of_them(sketcher):
    start, words = "x" * 60, PLAIN.split()
    texts = [" ".join([*words[:7], start + end]) for end in ("a", "b", "abcd", "abcde")]
    found = sketcher.sketches(texts, 1)
    assert len({*found.hashes.tolist()}) == 3  # the last two differ after 64 bytes


def test_a_text_without_end_is_read_in_part(sketcher):
    text = article(5, 100_000)
    assert len(text) > MAX_CHARACTERS
    assert of(sketcher, text, 64) == of(sketcher, text[:MAX_CHARACTERS], 64)
