"""A conversation's fingerprint is that of the answer given, for every account that continues it."""

from __future__ import annotations

from typing import Any

import pytest

from stream.core.events import ANSWERS_LOGGED, questions
from stream.intake.codec.event import RequestEvent
from stream.intake.fingerprint.conversations import ANSWER_CHARACTERS, LEAST_ANSWER_BYTES
from stream.intake.fingerprint.fingerprinter import Fingerprinter

ASKED = "Name a river in Asia."
ANSWER = "The Lena flows from the mountains near Lake Baikal to the Arctic Ocean, for 4,294 km."


def columns(*events: dict[str, Any], salt: bytes = b"salt") -> dict[str, Any]:
    rows = [RequestEvent(timestamp=1.76e9, account_id="a", model="m", **event) for event in events]
    return dict(Fingerprinter(salt).columns(rows, range(len(rows))).columns)


def continued(
    question: str | None = ASKED, answer: str | None = ANSWER, response: str | None = "Yes."
) -> int:
    event = {"first_prompt": question, "first_answer": answer, "response": response}
    return int(columns({"prompt": "And in Africa?", **event})["conversation"][0])


def given(answer: str, **event: str) -> int:
    return int(columns({"prompt": ASKED, "response": answer, **event})["answer"][0])


def test_a_continuation_has_the_fingerprint_of_the_answer_that_was_given() -> None:
    assert continued() == given(ANSWER) != 0
    assert continued(answer=f"  {ANSWER.upper()}\n") == given(ANSWER)
    assert continued(answer=ANSWER.replace("Lena", "Ob")) != given(ANSWER)
    assert continued("Name one in Africa.") != given(ANSWER)


def test_its_question_is_that_of_the_first_prompt() -> None:
    asked = columns({"prompt": ASKED}, {"first_prompt": ASKED, "first_answer": ANSWER})
    assert questions(asked["prompt"])[0] == questions(asked["conversation"])[1]
    assert asked["conversation"][0] == asked["answer"][0] == 0


def test_only_the_first_answer_begins_a_conversation() -> None:
    assert given(ANSWER, first_prompt=ASKED, first_answer=ANSWER) == 0


def test_where_the_log_has_no_answers_it_is_another_value() -> None:
    without = continued(response=None)
    assert without not in {0, continued()}
    assert not without & int(ANSWERS_LOGGED)
    assert continued() & int(ANSWERS_LOGGED)


@pytest.mark.parametrize("answer", [None, "", "Sure! How can I help?", "a" * 63, "a b " * 31])
def test_answers_too_short_to_be_unique_have_none(answer: str | None) -> None:
    assert continued(answer=answer) == 0
    assert given(answer or "") == 0


def test_length_is_that_of_the_text_in_any_script() -> None:
    assert continued(answer="b" * LEAST_ANSWER_BYTES) != 0
    assert continued(answer="\u6cb3" * 22) != 0  # three bytes each


def test_no_question_no_conversation() -> None:
    assert continued(None) == continued("") == 0


def test_a_bounded_part_of_an_answer_is_read() -> None:
    start = "x" * ANSWER_CHARACTERS
    assert continued(answer=f"{start}more") == continued(answer=start + "y" * 10**6) != 0


def test_another_salt_gives_another_fingerprint() -> None:
    turn = {"first_prompt": ASKED, "first_answer": ANSWER}
    assert columns(turn)["conversation"][0] != columns(turn, salt=b"other")["conversation"][0]
