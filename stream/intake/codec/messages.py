"""Chat messages to the texts that count: system prompt, latest user message, and the first turn.

Reads the shapes of the chat, responses, messages, Gemini and embeddings interfaces and of the
OpenTelemetry conventions; whatever else a client sends gives no text, and is no error. Everything
in it is optional, as it is for the providers: roles, lists around a single message or part.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, Final

from stream.intake.codec.nested_json import opened
from stream.intake.codec.placeholders import MAX_PLACEHOLDER, is_placeholder

__all__ = [
    "MAX_PLACEHOLDER",
    "content_text",
    "decoded",
    "first_turn",
    "is_placeholder",
    "texts",
    "written",
]

#: Where a request's body has its messages, and what stands before all of them.
_MESSAGES: Final = ("messages", "input", "prompt", "contents", "inputText", "message", "inputs")
_STANDING: Final = ("system", "instructions", "system_instruction", "systemInstruction", "preamble")
#: Where a message has its text, if not in `content`.
_CONTENT: Final = ("parts", "text", "message")
_SYSTEM: Final = frozenset({"system", "developer"})
#: Providers take a message without a role for the user's.
_USER: Final = frozenset({"user", "human", ""})
_ASSISTANT: Final = frozenset({"assistant", "model", "ai", "bot", "chatbot"})
_ROLES: Final = _SYSTEM | _USER | _ASSISTANT
#: Messages in which the first answer is looked for (assumed: tools are called less often before
#: it), so that an endless conversation costs no more.
MOST_MESSAGES: Final = 64
#: Items of the responses interface that are messages, not calls or results.
_MESSAGE_TYPES: Final = ("message", "text", "input_text", "human", "user")

_Texts = tuple[str | None, str | None]


def texts(messages: object) -> _Texts:
    """Return (system prompt, latest user text) of ``messages`` as decoded from JSON."""
    if isinstance(messages, dict):
        return _of_object(messages)
    if not isinstance(messages, list):
        return None, content_text(messages)
    if not messages or isinstance(messages[0], str):  # the inputs of an embeddings call
        return None, content_text(messages)
    return _first(messages, _SYSTEM), _first(reversed(messages), _USER)


def first_turn(messages: object) -> _Texts:
    """Return (question, answer) of the first turn; None, None where nothing is answered yet.

    The question is the last user text before the first assistant text: the latest
    prompt when the answer was given. ``messages`` are as :func:`texts` takes them.
    """
    if isinstance(messages, dict):
        messages = _inner(messages)
    if not isinstance(messages, list):
        return None, None
    question = None
    for message in islice(messages, MOST_MESSAGES):
        if message.__class__ is not dict:
            continue
        role = message.get("role")
        if role.__class__ is not str or role not in _ROLES:
            role = _role(message)
        if role in _USER:
            question = _text(message) or question
        elif question is not None and role in _ASSISTANT:
            answer = _text(message)
            if answer is not None:
                return question, answer
    return None, None


def written(messages: object) -> _Texts:
    """Return the texts of messages that may be JSON text themselves."""
    return texts(decoded(messages))


def decoded(messages: object) -> object:
    """Return messages as decoded from JSON where they are JSON text themselves."""
    return (opened(messages) or messages) if isinstance(messages, str) else messages


def content_text(content: object) -> str | None:
    """Return the text of a message's content: text, a part, or a list of parts."""
    if isinstance(content, dict):
        content = content.get("parts", content)
    if isinstance(content, dict):
        content = [content]
    if isinstance(content, list):
        parts = map(_part, content)
        content = "\n".join([part for part in parts if isinstance(part, str)])
    if not isinstance(content, str) or not content or is_placeholder(content):
        return None
    return content


def _of_object(body: dict[str, Any]) -> _Texts:
    """Return the texts of a request's body, or of a message that stands alone."""
    if "content" in body or "parts" in body:
        return _first([body], _SYSTEM), _first([body], _USER)
    system, prompt = texts(_inner(body))
    standing = next(filter(None, (content_text(body.get(name)) for name in _STANDING)), None)
    return system or standing, prompt


def _inner(body: dict[str, Any]) -> object:
    inner = next((body[name] for name in _MESSAGES if body.get(name) is not None), None)
    if isinstance(inner, dict) and not {"content", "parts"} & inner.keys():
        return None
    return inner


def _first(messages: Any, roles: frozenset[str]) -> str | None:  # noqa: ANN401 - any JSON
    for message in messages:
        if not isinstance(message, dict):
            continue
        role = message.get("role")
        if role.__class__ is not str:
            role = "" if role is None and _is_message(message) else None
        if role in roles or (role and role.lower() in roles):
            content = message.get("content")
            text = content_text(_elsewhere(message) if content is None else content)
            if text:  # a tool's result is a user message without text
                return text
    return None


def _role(message: dict[str, Any]) -> str | None:
    role = message.get("role")
    if role.__class__ is str:
        return role if role in _ROLES else role.lower()
    return "" if role is None and _is_message(message) else None


def _text(message: dict[str, Any]) -> str | None:
    content = message.get("content")
    if content.__class__ is str and len(content) > MAX_PLACEHOLDER:
        return content
    return content_text(_elsewhere(message) if content is None else content)


def _is_message(message: dict[str, Any]) -> bool:
    kind = message.get("type")
    return kind is None or (isinstance(kind, str) and kind in _MESSAGE_TYPES)


def _elsewhere(message: dict[str, Any]) -> object:
    return next((message[key] for key in _CONTENT if message.get(key) is not None), None)


def _part(part: object) -> object:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return None
    if part.get("type") == "text" and "text" not in part:
        text = part.get("content")  # OpenTelemetry's
    else:
        text = part.get("text")
    return None if isinstance(text, str) and is_placeholder(text) else text
