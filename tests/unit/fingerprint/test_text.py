"""What counts as the same text, the same template and the same address."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.intake.fingerprint import template
from stream.intake.fingerprint.address import address
from stream.intake.fingerprint.template import template_prefix
from stream.intake.fingerprint.text import normalise, normalise_system_prompt


@pytest.mark.parametrize(
    "other",
    [
        "Show  ALL\n\treasoning steps",
        "show all\u00a0reasoning\u3000steps",
        "show all reason\u200bing steps\ufeff",
        "\uff53how all reasoning steps",
    ],
)
def test_case_space_and_look_alikes_make_no_difference(other: str) -> None:
    assert normalise(other) == normalise("show all reasoning steps")


def test_only_a_bounded_prefix_counts() -> None:
    assert normalise("x" * 4096 + "a") == normalise("x" * 4096 + "b")
    assert normalise("x" * 4095 + "a") != normalise("x" * 4095 + "b")


def test_a_date_does_not_change_a_system_prompt() -> None:
    assert normalise_system_prompt("Today is 2026-11-24. Be kind.") == normalise_system_prompt(
        "Today is 2026-11-25. Be kind."
    )


INSTRUCTION = "Solve the problem step by step and show every thought: "


@pytest.mark.parametrize(
    "pair",
    [
        (INSTRUCTION + "what is 7 times 8", INSTRUCTION + "name the capital of Peru"),
        ("Given 17 apples and 4.5 pears, count all", "given 3 apples and 12 pears: count all"),
        ('Rewrite "the cat sat" in a formal way', 'Rewrite "a dog, barking" in a formal way'),
        ("Explain this code please: ```x = 1```", "Explain this code please: ```y\n" + "z" * 9000),
        ("Look at 9f86d081884c7d659a2feaa0c55ad015 and say why", f"look at {'q' * 40} and say why"),
        ("- Translate the sentence into Danish", "Translate the sentence, into Danish!"),
        # "Explain your whole reasoning step by step and give the answer", then an item
        ("请逐步解释你的完整推理过程并给出答案 甲", "请逐步解释你的完整推理过程并给出答案 乙丙丁"),
    ],
)
def test_one_instruction_before_many_items_is_one_template(pair: tuple[str, str]) -> None:
    assert template_prefix(pair[0]) == template_prefix(pair[1]) != b""


def test_different_instructions_are_different_templates() -> None:
    assert template_prefix("Translate the sentence into Danish") != template_prefix(
        "Translate the sentence into Finnish"
    )


#: What slots begin and end with, words with and without marks, and what is beside words.
PIECES = [
    "'",
    '"',
    "`",
    "```",
    "\u201c",
    "\u201d",
    "it's",
    "'so'",
    "plain",
    "12",
    ",",
    "\u00e9",
    "\u6211",
]


@given(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(["", " ", "\n"])), max_size=400))
def test_the_opening_has_the_template_of_the_whole(pieces: list[tuple[str, str]]) -> None:
    text = "".join(map("".join, pieces))
    found = template_prefix(text)
    with pytest.MonkeyPatch.context() as whole:
        whole.setattr(template, "_OPENINGS", ())
        assert found == template_prefix(text)


def test_an_apostrophe_is_no_quotation() -> None:
    assert template_prefix("I don't know why the car can't start") != template_prefix(
        "I don't see what you say isn't true"
    )


@pytest.mark.parametrize(
    "short", ["", "hi", "thanks a lot", '"a b c d e f"', "1 2 3 4 5", "7 x y z"]
)
def test_a_short_prompt_has_no_template(short: str) -> None:
    assert template_prefix(short) == b""


@given(st.text())
def test_any_text_has_normal_forms(text: str) -> None:
    assert normalise(text) == normalise(text.replace(" ", "\n"))
    assert len(template_prefix(text).split()) <= 8
    normalise_system_prompt(text)


@pytest.mark.parametrize(
    "hostile", ['"', "'", "`", "“", "' ", "a ", "\ufdfa", "9.", "['", "\uff41"]
)
def test_a_hostile_text_takes_no_time(hostile: str) -> None:
    start = time.process_time()
    for form in (normalise, normalise_system_prompt, template_prefix):
        form(hostile * 1_000_000)
    assert time.process_time() - start < 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", b"192.0.2.1/32"),
        (" 192.0.2.1:443 ", b"192.0.2.1/32"),
        ("192.0.2.1, 10.0.0.1", b"192.0.2.1/32"),
        ("::ffff:192.0.2.1", b"192.0.2.1/32"),
        ("2001:DB8::1", b"2001:db8::/64"),
        ("[2001:db8:0:0:9::1]:8080", b"2001:db8::/64"),
        ("fe80::1%eth0", b"fe80::/64"),
        ("unknown", b""),
        ("", b""),
        ("999.1.1.1", b""),
    ],
)
def test_addresses_have_one_spelling(text: str, expected: bytes) -> None:
    assert address(text) == expected
