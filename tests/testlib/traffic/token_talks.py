"""Requests as a log without text has them: times, numbers of tokens, and nothing else to go by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from testlib.traffic.conversations import HOUR_S, START_S

if TYPE_CHECKING:
    import random

Events = list[dict[str, Any]]
#: Draws input and output tokens of a request whose context comes from elsewhere.
Tokens = Callable[[Any], tuple[int, int]]


def request(account: str, time: float, into: int, out: int) -> dict[str, Any]:
    return {
        "timestamp": time,
        "account_id": account,
        "model": "large",
        "input_tokens": into,
        "output_tokens": out,
        "status": 200,
    }


def lognormal(rng: random.Random, median: float, spread: float) -> int:
    return max(int(median * rng.lognormvariate(0, spread)), 1)


def talk(
    rng: random.Random,
    deal: Callable[[], str],
    start_s: float,
    *,
    sent: int = 1 << 30,
    question: int = 45,
) -> Iterator[dict[str, Any]]:
    """Yield the turns of a conversation; of its history the client sends ``sent`` tokens at most.

    ``deal`` says under which account each turn goes; ``question`` is the median of its tokens.
    """
    time, history = start_s, 0
    for _ in range(2 + min(int(rng.expovariate(1 / 4)), 14)):
        into = min(history, sent) + lognormal(rng, question if history else 500, 0.7)
        out = lognormal(rng, 220, 0.7)
        yield request(deal(), time, into, out)
        history = into + out
        time += lognormal(rng, 90, 0.7)


def talks(
    rng: random.Random,
    accounts: Sequence[str],
    *,
    count: int,
    hours: tuple[float, float],
    sent: int = 1 << 30,
) -> Events:
    """Return conversations of each of the accounts, which keep them to themselves."""
    return [
        event
        for account in accounts
        for _ in range(count)
        for event in talk(rng, partial(str, account), _at(rng, hours), sent=sent)
    ]


def dealt(
    rng: random.Random, accounts: Sequence[str], *, count: int, hours: tuple[float, float]
) -> Events:
    """Return conversations that are dealt to the accounts request by request."""
    return [
        event
        for _ in range(count)
        for event in talk(rng, lambda: rng.choice(accounts), _at(rng, hours))
    ]


def sessions(
    rng: random.Random,
    accounts: Sequence[str],
    tokens: Tokens,
    *,
    count: int,
    hours: tuple[float, float],
) -> Events:
    """Return sessions of each account: requests minutes apart, with context from elsewhere."""
    found: Events = []
    for account in accounts:
        for _ in range(count):
            time = _at(rng, hours)
            for _ in range(8):
                found.append(request(account, time, *tokens(rng)))
                time += rng.expovariate(1 / 80)
    return found


def _at(rng: random.Random, hours: tuple[float, float]) -> float:
    return START_S + HOUR_S * rng.uniform(*hours)
