"""A string that no log and no message shows."""

from __future__ import annotations

from typing import Final


class Secret:
    """Holds a secret; only :meth:`reveal` shows it, never ``str`` or ``repr``."""

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        """Hold ``value``; the empty string means no secret."""
        self._value: Final = value

    def reveal(self) -> str:
        """Return the secret."""
        return self._value

    def __bool__(self) -> bool:
        """Return whether there is a secret."""
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        """Compare by value."""
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        """Hash by value."""
        return hash(self._value)

    def __repr__(self) -> str:
        """Show only whether there is a secret."""
        return "Secret(***)" if self._value else "Secret()"

    __str__ = __repr__
