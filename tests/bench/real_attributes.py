"""Attributes that the real traces lack; the rule is stated in real_traffic."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

#: 2026-09-01T00:00Z
START: Final = 1_788_220_800
DAY: Final = 86_400
_MODELS: Final = ("atlas-large", "atlas-small", "atlas-reason")
_PLANS: Final = ("free", "pro", "team")
_AGENTS: Final = (
    "openai-python/1.51.0", "Mozilla/5.0 Chrome/139.0", "openai-node/4.67.3", "axios/1.7.7",
    "python-requests/2.32.3", "okhttp/4.12.0", "langchain/0.3.1", "curl/8.9.1",
)  # fmt: skip


class Timed(NamedTuple):
    """One event before its account's attributes."""

    at: float
    account: str
    input_tokens: int
    output_tokens: int
    prompt: str | None = None
    fingerprint: str | None = None


@dataclass
class Attributes:
    """What the sources lack, drawn when an account first shows."""

    rng: np.random.Generator
    days: int
    _known: dict[str, dict[str, Any]] = field(default_factory=dict)
    _pool_addresses: list[str] = field(default_factory=list)

    def event(self, timed: Timed) -> dict[str, Any]:
        """The canonical event."""
        known = self._known.get(timed.account) or self._draw(timed.account)
        event = known | {
            "timestamp": round(float(timed.at), 3),
            "account_id": timed.account,
            "client_ip": known["client_ip"][int(self.rng.integers(len(known["client_ip"])))],
            "operation": "chat",
            "input_tokens": timed.input_tokens,
            "output_tokens": timed.output_tokens,
            "status": 200,
        }
        if timed.prompt is not None:
            event["prompt"] = timed.prompt
        if timed.fingerprint is not None:
            event["prompt_fingerprint"] = timed.fingerprint
        return event

    def accounts(self) -> list[str]:
        """All accounts so far."""
        return sorted(self._known)

    def _draw(self, account: str) -> dict[str, Any]:
        rng, planted, client = self.rng, account[:5] == "pool-", account[:7] == "client-"
        young = rng.random() < 0.06
        age_days = rng.uniform(0, 20) if young else rng.uniform(60, 1500)
        odds = 1 / np.arange(1, len(_AGENTS) + 1)
        drawn = {
            "model": str(rng.choice(_MODELS)),
            "user_agent": str(rng.choice(_AGENTS, p=odds / odds.sum())),
            "plan": "enterprise" if client else str(rng.choice(_PLANS)),
            "payment_id": f"pay-{account}",
            "account_created_at": int(START - age_days * DAY),
            "client_ip": [_address(rng) for _ in range(rng.integers(1, 7 if client else 4))],
        }
        company = int(rng.integers(100))
        if planted:
            self._pool_addresses = self._pool_addresses or [_address(rng) for _ in range(2000)]
            born = START + self.days * DAY / 3 - rng.uniform(0, 7) * DAY
            drawn |= {"account_created_at": int(born), "client_ip": self._pool_addresses}
            drawn["payment_id"] = f"pay-{rng.integers(8)}"
        elif rng.random() < 0.2:  # about 12 of 1,500 x 0.2 / 25 accounts in each company
            company %= 25
            drawn["client_ip"] = [f"198.51.100.{company}"]
            if company % 2:
                drawn["payment_id"] = f"pay-company-{company}"
        self._known[account] = drawn
        return drawn


def _address(rng: np.random.Generator) -> str:
    return ".".join(str(part) for part in (rng.integers(11, 198), *rng.integers(1, 255, 3)))
