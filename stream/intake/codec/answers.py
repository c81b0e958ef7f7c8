"""The text of a model's answer: of a response's body in the shapes of the providers' interfaces.

As for messages, whatever else stands there gives no text, and is no error.
"""

from __future__ import annotations

from typing import Any, Final

from stream.intake.codec.messages import content_text, first_turn
from stream.intake.codec.nested_json import opened

#: Lists of choices, of which the first counts, and where they have the message.
_CHOICES: Final = ("choices", "candidates", "results")
#: Where a body, a choice or a message has its text, best first.
_INSIDE: Final = ("message", "content", "text", "output_text", "outputText", "response")


def answer_text(response: object) -> str | None:
    """Return the text of a response, as decoded from JSON or as JSON text itself."""
    if isinstance(response, str):
        body = opened(response)
        return content_text(response) if body is None else answer_text(body)
    if isinstance(response, list):
        return _of_messages(response)
    if not isinstance(response, dict):
        return None
    for name in _CHOICES:
        choices = response.get(name)
        if isinstance(choices, list) and choices:
            return _inside(choices[0])
    output = response.get("output")
    if isinstance(output, list):  # of the responses interface
        return _of_messages(output)
    return _inside(output if isinstance(output, dict) else response)


def _of_messages(messages: list[Any]) -> str | None:
    return first_turn([{"role": "user", "content": "?"}, *messages])[1]


def _inside(value: object) -> str | None:
    """Return the text of a choice or body: one level of `message`, then its content."""
    for _ in range(2):
        if not isinstance(value, dict):
            break
        inner = next((value[name] for name in _INSIDE if value.get(name) is not None), None)
        if inner is None:
            break
        value = inner
    return content_text(value)
