"""Chat messages to the two texts that count: system prompt and latest user message.

Reads the shapes of the chat, responses, messages and embeddings interfaces; whatever else a
client sends gives no text, and is no error.
"""

from __future__ import annotations

from typing import Any, Final

#: Stands for every text when LiteLLM's message logging is off: it would make all prompts equal.
_REDACTED: Final = "redacted-by-litellm"
_SYSTEM: Final = frozenset({"system", "developer"})
_USER: Final = frozenset({"user"})


def texts(messages: object) -> tuple[str | None, str | None]:
    """Return (system prompt, latest user text) of ``messages`` as decoded from JSON."""
    if isinstance(messages, dict):
        inner = messages.get("messages", messages.get("input", messages.get("prompt")))
        return (None, None) if isinstance(inner, dict) else texts(inner)
    if not isinstance(messages, list):
        return None, _text(messages)
    if all(isinstance(message, str) for message in messages):
        return None, _text("\n".join(messages))  # the inputs of an embeddings call
    system = _first(messages, _SYSTEM)
    return system, _first(reversed(messages), _USER)


def _first(messages: Any, roles: frozenset[str]) -> str | None:  # noqa: ANN401 - any JSON
    for message in messages:
        if isinstance(message, dict) and _in(message.get("role"), roles):
            text = _text(message.get("content"))
            if text:  # a tool's result is a user message without text
                return text
    return None


def _in(role: object, roles: frozenset[str]) -> bool:
    return isinstance(role, str) and role in roles


def _text(content: object) -> str | None:
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "\n".join(part for part in parts if isinstance(part, str))
    if isinstance(content, str) and content and content != _REDACTED:
        return content
    return None
