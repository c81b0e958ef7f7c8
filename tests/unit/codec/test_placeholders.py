"""Texts that nobody wrote are no prompts, in whatever gateway's log, and what people write is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.intake.codec.placeholders import MAX_PLACEHOLDER, is_placeholder
from testlib.traffic.gateway_samples import events, of

NOTHING = [
    *("default-message-value", "redacted-by-litellm", "{}", "[]", "{ }", "[REDACTED]", "REDACTED"),
    *(
        "__REDACTED__",
        "<redacted>",
        "<masked>",
        "***",
        "**********",
        "xxxx",
        "[Filtered]",
        "[MASKED]",
    ),
    *(
        "[Scrubbed due to 'password']",
        "content removed",
        "Prompt has been redacted",
        "PII redacted",
    ),
    *(
        "[content omitted]",
        "message omitted by policy",
        "null",
        "None",
        "undefined",
        "N/A",
        "-",
        " ",
    ),
    *(
        "[object Object]",
        "(removed)",
        "--redacted--",
        "{redacted}",
        "data withheld",
        "[anonymised]",
    ),
]
WRITTEN = [
    *(
        "hi",
        "?",
        "ok",
        "No",
        "Nothing",
        "What does [REDACTED] mean?",
        "Redact my name in this text",
    ),
    *(
        "masked language models",
        "None of these work",
        "filtered water is good",
        "removed items list",
    ),
    *("data science", "text", "input: 5", "{} is an empty dict", "Explain null", "x", "xxx", "-1"),
    *("What is redacted-by-litellm?", "Which sea lies between Denmark and Poland?", "🙂", "..?"),
]
CALL = {"timestamp": 1.76e9, "account_id": "a", "model": "m"}


@pytest.mark.parametrize("text", NOTHING)
def test_a_placeholder_says_nothing(text):
    assert is_placeholder(text)
    assert is_placeholder(f" {text}\n")


@pytest.mark.parametrize("text", WRITTEN)
def test_what_people_write_is_no_placeholder(text):
    assert not is_placeholder(text)


def in_litellm(text):
    return of("litellm")[0] | {"messages": [{"role": "user", "content": text}]}


def in_litellm_as_text(text):
    return of("litellm")[0] | {"messages": text}


def in_parts(text):
    part = {"type": "text", "text": text}
    return of("litellm")[0] | {"messages": [{"role": "user", "content": [part, part]}]}


def in_portkey(text):
    body = {"messages": [{"role": "system", "content": text}, {"role": "user", "content": text}]}
    return of("portkey")[0] | {"/request.body": None, "request.body": body}


def in_canonical(text):
    return CALL | {"prompt": text, "system_prompt": text}


def in_messages(text):
    return CALL | {"messages": [{"role": "user", "content": text}]}


PLACES = [in_litellm, in_litellm_as_text, in_parts, in_portkey, in_canonical, in_messages]


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
@pytest.mark.parametrize("text", NOTHING)
def test_no_gateway_has_it_for_a_prompt(place, text):
    [event] = events(place(text))
    assert "prompt" not in event
    assert "system_prompt" not in event


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
@pytest.mark.parametrize("text", WRITTEN)
def test_a_prompt_stays_a_prompt(place, text):
    [event] = events(place(text))
    assert event["prompt"] in {text, f"{text}\n{text}"}


def test_a_part_that_was_removed_leaves_the_others():
    parts = [{"type": "text", "text": text} for text in ("[REDACTED]", "Name a river.", "***")]
    [event] = events(of("litellm")[0] | {"messages": [{"role": "user", "content": parts}]})
    assert event["prompt"] == "Name a river."


@given(st.text(min_size=MAX_PLACEHOLDER + 1))
def test_a_long_text_is_not_looked_at(text):
    assert not is_placeholder(text)


@given(st.sampled_from(NOTHING), st.sampled_from(["Please read: ", "Why was it "]))
def test_a_placeholder_within_a_sentence_is_no_placeholder(text, sentence):
    assert not is_placeholder(f"{sentence}{text}"[:MAX_PLACEHOLDER])
