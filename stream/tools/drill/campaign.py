"""The campaign that a drill plants: a pool of young accounts with one prompt in every request.

Five things make it one: the prompt, accounts opened lately, a few payments for all, an equal pace,
a common start. Every value is the drill's own, drawn from its id, so no real account shares it.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from stream.core.drill import HEADER, named
from stream.intake.fingerprint.drill_signature import DrillSigner

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Fewer accounts make no campaign that is found by the rules for all.
LEAST_ACCOUNTS: Final = 8
#: Most accounts of one payment, and least payments that several accounts share.
_PAYERS, _PAYMENTS = 6, 4
_ITEMS: Final = 200
_DAY_S: Final = 86400.0
_MODEL: Final = "distillwatch-drill"
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"


class DrillRequest(NamedTuple):
    """One record for the requests topic."""

    value: bytes
    headers: list[tuple[str, bytes]]


class Campaign:
    """A drill's accounts and their prompts; the same id gives the same."""

    def __init__(self, drill_id: str, accounts: int, *, salt: bytes, started_s: float) -> None:
        """``started_s`` is when the drill begins, epoch seconds."""
        self.accounts = [f"drill-{drill_id}-{number:03}" for number in range(accounts)]
        self._random = Random(drill_id)
        self._signer = DrillSigner(salt)
        self._prompt = f"Drill {drill_id}. " + self._words(40)
        self._items = [self._words(12) for _ in range(_ITEMS)]
        self._opened = [started_s - self._random.uniform(0.1, 5) * _DAY_S for _ in self.accounts]
        self._payers = min(_PAYERS, accounts // _PAYMENTS)
        self._id = drill_id

    def round(self, now_s: float) -> Iterator[DrillRequest]:
        """Yield one request of each account, all at ``now_s``, epoch seconds."""
        for number, account in enumerate(self.accounts):
            value = msgspec.json.encode(self._request(number, account, now_s))
            yield DrillRequest(value, [(HEADER, self._signer.signature(value))])

    def _request(self, number: int, account: str, now_s: float) -> dict[str, object]:
        return {
            "timestamp": now_s,
            "account_id": named(account),
            "model": _MODEL,
            "operation": "chat",
            "status": 200,
            # Of 2001:db8::/32, which is for documentation (RFC 3849).
            "client_ip": f"2001:db8:{self._random.randrange(2**16):x}:{number:x}::1",
            "user_agent": f"{_MODEL}/{self._id}",
            "payment_id": f"drill-{self._id}-{number // self._payers}",
            "account_created_at": self._opened[number],
            "input_tokens": self._random.randrange(300, 600),
            "output_tokens": self._random.randrange(600, 1200),
            "system_prompt": self._prompt,
            "prompt": self._random.choice(self._items),
        }

    def _words(self, count: int) -> str:
        lengths = [self._random.randrange(3, 10) for _ in range(count)]
        return " ".join("".join(self._random.choices(_LETTERS, k=length)) for length in lengths)
