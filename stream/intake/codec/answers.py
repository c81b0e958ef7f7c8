"""The text of a model's answer: of a response's body in the shapes of the providers' interfaces.

As for messages, whatever else stands there gives no text, and is no error.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from stream.intake.codec.messages import content_text, first_turn
from stream.intake.codec.nested_json import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How a streamed body begins, and the event of the responses interface that has text.
_STREAM: Final = ("data:", "event:", ":")
_OUTPUT: Final = "response.output_text.delta"
_EVENT: Final = re.compile(r"^data: ?\{", re.MULTILINE)
#: Lists of choices, of which the first counts, and where they have the message.
_CHOICES: Final = ("choices", "candidates", "results")
#: Where a body, a choice or a message has its text, best first.
_INSIDE: Final = ("message", "content", "text", "output_text", "outputText", "response")


def answer_text(response: object) -> str | None:
    """Return the text of a response, as decoded from JSON or as JSON text itself."""
    if isinstance(response, str):
        return _of_text(response)
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


def _of_text(response: str) -> str | None:
    if response.startswith(_STREAM) and _EVENT.search(response):
        return content_text("".join(_streamed(response)))
    body = opened(response)
    return content_text(response) if body is None else answer_text(body)


def _streamed(response: str) -> Iterator[str]:
    """Yield the pieces of a streamed answer (server-sent events; WHATWG HTML, 9.2)."""
    for line in response.splitlines():
        body = opened(line.removeprefix("data:")) if line.startswith("data:") else None
        if not isinstance(body, dict):
            continue
        choices = body.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else body
        piece = choice.get("delta") if isinstance(choice, dict) else None
        if isinstance(piece, dict):
            piece = next((piece[name] for name in ("content", "text") if piece.get(name)), None)
        elif body.get("type") != _OUTPUT:
            continue  # the responses interface also streams reasoning and calls as text
        if isinstance(piece, str):
            yield piece


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
