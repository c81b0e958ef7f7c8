"""The latest state of each decision, in whatever order and how often records are read.

A state counts when it is signed, stored under its own id, and later in its decision's chain than
what is known. An end is final: no other state counts after it, even one of a writer that had not
seen it. Of two states of equal sequence (two people at once) the one that interferes less counts.
So every reader keeps the same states, however the records were interleaved.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.decisions import ENDED, IN_FORCE, Decision
from stream.decisions.transitions import Stored

if TYPE_CHECKING:
    from collections.abc import Collection

    from stream.core.decisions import DecisionState
    from stream.decisions.signature import Signer

#: Of two states of equal sequence the one further right counts.
_PREFERENCE: Final[tuple[DecisionState, ...]] = (
    "active",
    "approved",
    "proposed",
    "expired",
    "refused",
    "undone",
)
#: One decision in this many is dropped when there are too many.
_DROPPED: Final = 10


class Reading(StrEnum):
    """What a record of the decisions topic turned out to be; a label of metrics."""

    NEWER = "newer"
    KNOWN = "known"  # read before: a repeated record
    OLDER = "older"  # an earlier state, replayed or late, or one that another state overrules
    REMOVED = "removed"  # a record without a value: what is known stays
    UNSIGNED = "unsigned"
    FORGED = "forged"  # the signature is of another key or record
    UNREADABLE = "unreadable"
    MISPLACED = "misplaced"  # stored under the id of another decision


#: Readings of records that no program of ours writes.
SUSPICIOUS: Final = frozenset(Reading) - {Reading.NEWER, Reading.KNOWN, Reading.OLDER}

_decode = msgspec.json.Decoder(Decision).decode


def suspicion_of(
    signer: Signer, key: bytes, value: bytes | None, signature: bytes | None
) -> Reading | None:
    """Return why a record does not count, None where it is signed with our key."""
    if not value:
        return Reading.REMOVED
    if not signature:
        return Reading.UNSIGNED
    return None if signer.signed(key, value, signature) else Reading.FORGED


class Register:
    """Decisions by id. Beyond ``most`` ended ones are dropped, then proposals, oldest first."""

    def __init__(self, signer: Signer, *, most: int) -> None:
        """Start empty; ``most`` decisions are kept."""
        self._signer = signer
        self._most = most
        self._known: dict[str, Stored] = {}
        self.dropped: Counter[DecisionState] = Counter()  # by the state that they had

    def __len__(self) -> int:
        """Return the number of decisions."""
        return len(self._known)

    @property
    def states(self) -> Collection[Stored]:
        """Return the latest state of every decision, in no order that means anything."""
        return self._known.values()

    def get(self, decision_id: str) -> Stored | None:
        """Return the latest state of a decision."""
        return self._known.get(decision_id)

    def read(self, key: bytes | None, value: bytes | None, signature: bytes | None) -> Reading:
        """Take in a record, and return what it was."""
        found = self._verified(key or b"", value, signature)
        if isinstance(found, Reading):
            return found
        known = self._known.get(found.decision.key)
        if known is not None and known.value == found.value:
            return Reading.KNOWN
        if known is not None and _rank(known) > _rank(found):
            return Reading.OLDER
        self._known[found.decision.key] = found
        if len(self._known) > self._most:
            self._drop()
        return Reading.NEWER

    def _verified(
        self, key: bytes, value: bytes | None, signature: bytes | None
    ) -> Stored | Reading:
        suspicion = suspicion_of(self._signer, key, value, signature)
        if suspicion is not None:
            return suspicion
        try:
            decision = _decode(value or b"")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Reading.UNREADABLE
        if decision.key.encode() != key:
            return Reading.MISPLACED
        return Stored(decision, value or b"")

    def _drop(self) -> None:
        """Drop one in ten: rarely, and not one at a time, because the order costs a sort."""
        order = sorted(self._known.values(), key=lambda stored: _kept_longer(stored.decision))
        for stored in order[: max(len(order) // _DROPPED, len(order) - self._most)]:
            del self._known[stored.decision.key]
            self.dropped[stored.decision.state] += 1


def _rank(stored: Stored) -> tuple[bool, int, int, float, bytes]:
    decision = stored.decision
    ended = decision.state in ENDED
    return (
        ended,
        0 if ended else decision.sequence,
        _PREFERENCE.index(decision.state),
        decision.time,
        stored.value,
    )


def _kept_longer(decision: Decision) -> tuple[int, float, str]:
    urgency = 0 if decision.state in ENDED else 2 if decision.state in IN_FORCE else 1
    return urgency, decision.time, decision.key
