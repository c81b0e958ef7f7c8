"""The accounts that decisions in force are about: more is kept of their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.decisions import Decision
    from stream.decisions.in_force import InForce


class AccountsInForce:
    """A set of account ids, as large as the decisions in force; replaced whole, read anywhere."""

    def __init__(self) -> None:
        """Know no account until decisions have been read."""
        self._accounts: frozenset[str] = frozenset()

    def renew(self, in_force: InForce, _: Sequence[Decision]) -> None:
        """Take the accounts of another table."""
        self._accounts = frozenset(id_ for kind, id_ in in_force.by_subject if kind == "account")

    def current(self) -> frozenset[str]:
        """Return the accounts."""
        return self._accounts
