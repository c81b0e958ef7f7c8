"""Where a value sits in a record: written with dots, or as a JSON pointer (RFC 6901)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Path:
    """Keys from the outside in; a key of digits is also a place in an array."""

    keys: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Path:
        """Return the path of a text: ``a.b.0``, or ``/a.b/0`` for a key with a dot; ValueError."""
        if text.startswith("/"):
            keys = tuple(key.replace("~1", "/").replace("~0", "~") for key in text[1:].split("/"))
        else:
            keys = tuple(text.split("."))
        if not all(keys):
            raise ValueError(f"`{text}` is no path: expected keys as in a.b or /a.b/c")
        return cls(keys)

    def __str__(self) -> str:
        """Return the shorter of the two ways to write it."""
        if not any("." in key or "/" in key for key in self.keys):
            return ".".join(self.keys)
        return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in self.keys)
