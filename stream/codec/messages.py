"""Chat messages to the two texts that count: system prompt and latest user message.

Reads the shapes of the chat, responses, messages, Gemini and embeddings interfaces and of the
OpenTelemetry conventions; whatever else a client sends gives no text, and is no error.
"""

from __future__ import annotations

from typing import Any, Final

#: Stands for every text when LiteLLM's message logging is off: it would make all prompts equal.
_REDACTED: Final = "redacted-by-litellm"
#: Where a request's body has its messages, and what stands before all of them.
_MESSAGES: Final = ("messages", "input", "prompt", "contents")
_STANDING: Final = ("system", "instructions", "system_instruction", "systemInstruction")
_SYSTEM: Final = frozenset({"system", "developer"})
_USER: Final = frozenset({"user"})


def texts(messages: object) -> tuple[str | None, str | None]:
    """Return (system prompt, latest user text) of ``messages`` as decoded from JSON."""
    if isinstance(messages, dict):
        return _of_body(messages)
    if not isinstance(messages, list):
        return None, _text(messages)
    if not messages or isinstance(messages[0], str):  # the inputs of an embeddings call
        return None, _text("\n".join(part for part in messages if isinstance(part, str)))
    system = _first(messages, _SYSTEM)
    return system, _first(reversed(messages), _USER)


def _of_body(body: dict[str, Any]) -> tuple[str | None, str | None]:
    inner = next((body[name] for name in _MESSAGES if name in body), None)
    system, prompt = (None, None) if isinstance(inner, dict) else texts(inner)
    return system or next(filter(None, (_text(body.get(name)) for name in _STANDING)), None), prompt


def _first(messages: Any, roles: frozenset[str]) -> str | None:  # noqa: ANN401 - any JSON
    for message in messages:
        if isinstance(message, dict) and _in(message.get("role"), roles):
            text = _text(message.get("content", message.get("parts")))
            if text:  # a tool's result is a user message without text
                return text
    return None


def _in(role: object, roles: frozenset[str]) -> bool:
    return isinstance(role, str) and role in roles


def _text(content: object) -> str | None:
    if isinstance(content, dict):
        content = content.get("parts")
    if isinstance(content, list):
        parts = map(_part, content)
        content = "\n".join(part for part in parts if isinstance(part, str))
    if isinstance(content, str) and content and content != _REDACTED:
        return content
    return None


def _part(part: object) -> object:
    if not isinstance(part, dict):
        return None
    if part.get("type") == "text" and "text" not in part:
        return part.get("content")  # OpenTelemetry's
    return part.get("text")
