"""Blocks of a record that hold several fields: the body of a request, its messages, its options.

A client writes all of it: of any shape, it is read where it makes sense and otherwise left out.
"""

from __future__ import annotations

from typing import Any, Final

from stream.intake.codec import convert
from stream.intake.codec.convert import count, number, truth
from stream.intake.codec.messages import first_turn, texts
from stream.intake.codec.nested_json import opened

_LIMITS: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens")


def unfolded(value: object) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON that text holds, or the value itself."""
    return (opened(value) or value) if isinstance(value, str) else value


def request(value: object) -> dict[str, Any]:
    """Return the event's fields of a request's body, an object or its JSON text."""
    body = unfolded(value)
    if not isinstance(body, dict):
        return {}
    found = messages(body) | options(body)
    return found | {"model": convert.name(body.get("model"))}


def messages(value: object) -> dict[str, Any]:
    """Return system prompt, latest user message and first turn of messages of any shape."""
    system, prompt = texts(value)
    question, answer = first_turn(value)
    return {
        "system_prompt": system,
        "prompt": prompt,
        "first_prompt": question,
        "first_answer": answer,
    }


def written(value: object) -> dict[str, Any]:
    """Return the texts of messages that may be JSON text themselves."""
    return messages(unfolded(value))


def options(value: object) -> dict[str, Any]:
    """Return the event's fields of the parameters of a call."""
    parameters = unfolded(value)
    if not isinstance(parameters, dict):
        return {}
    limit: int | None = None
    for name in _LIMITS:
        if name in parameters and (limit := count(parameters[name])) is not None:
            break
    logprobs, streamed = parameters.get("logprobs"), parameters.get("stream")
    return {
        "temperature": number(parameters.get("temperature")),
        "max_tokens": limit,
        "logprobs": None if logprobs is None else truth(logprobs),
        "stream": None if streamed is None else truth(streamed),
    }
