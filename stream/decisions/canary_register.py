"""The decisions of a topic or of its audit that have a canary, as a trace reads them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.errors import UsageError
from stream.decisions.audit_chain import AuditEntry
from stream.decisions.register import SUSPICIOUS, Register
from stream.trace.canary_decisions import CanaryDecisions

if TYPE_CHECKING:
    from stream.decisions.signature import Signer

#: Decisions with a canary, assumed: a hundred a day over five years.
MOST_CANARIES: Final = 200_000
#: What every state with a canary has in its JSON; others are not looked at.
_SIGN: Final = b'"canary"'

_entry = msgspec.json.Decoder(AuditEntry).decode


class CanaryRegister:
    """Takes in records of decisions, in any order; mutable."""

    def __init__(self, signer: Signer, *, most: int = MOST_CANARIES) -> None:
        """Start with none; ``most`` are kept."""
        self._register = Register(signer, most=most)
        self._most = most
        self._suspicious = 0

    def take(self, key: bytes | None, value: bytes | None, signature: bytes | None) -> None:
        """Take in a record of the decisions topic; raises UsageError beyond the bound."""
        if _SIGN not in (value or b""):
            return
        self._suspicious += self._register.read(key, value, signature) in SUSPICIOUS
        if self._register.dropped:
            raise UsageError(f"more than {self._most:,} decisions have a canary")

    def take_entry(self, line: bytes) -> bool:
        """Take in an entry of the audit; return whether the line is one."""
        try:
            entry = _entry(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        self.take(entry.key.encode(), entry.value.encode(), entry.signature.encode())
        return True

    def canaries(self) -> CanaryDecisions:
        """Return what was read."""
        states = sorted(self._register.states, key=lambda one: one.decision.key)
        whole = hashlib.sha256(b"".join(hashlib.sha256(one.value).digest() for one in states))
        return CanaryDecisions(
            decisions=[one.decision for one in states],
            sha256=whole.hexdigest(),
            suspicious=self._suspicious,
            missing="" if states or not self._suspicious else "none is signed with decisions.key",
        )
