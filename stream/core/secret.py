"""A string that does not show itself."""

from __future__ import annotations

from typing import Final


class Secret:
    """Holds a secret; only :meth:`reveal` shows it, never ``str`` or ``repr``."""

    __slots__ = ("_value",)

    def __init__(self, value: str = "") -> None:
        """Hold ``value``; the empty string means that there is none."""
        self._value: Final = value

    def reveal(self) -> str:
        """Return the secret."""
        return self._value

    def __bool__(self) -> bool:
        """Say whether there is one."""
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        """Compare by value."""
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        """Hash by value."""
        return hash(self._value)

    def __repr__(self) -> str:
        """Say only whether there is one."""
        return "Secret(***)" if self._value else "Secret()"

    __str__ = __repr__
