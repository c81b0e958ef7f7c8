"""Accounts of the stories: campaigns of published shapes, and benign crowds that resemble them."""

from __future__ import annotations

import numpy as np

from testlib.traffic.link_traffic import (
    DAY_S,
    HOUR_S,
    START_S,
    Account,
    Asks,
    fixed,
)

Rng = np.random.Generator


RELEASE_S = START_S + 10 * HOUR_S


def tool_users(
    rng: Rng, count: int, *, start_s: float = START_S, young: float = 0.1
) -> list[Account]:
    """A popular coding tool: one prompt and client, own payments, every age, uneven use."""
    return [
        Account(
            name=f"tool-{i}",
            per_day=float(rng.lognormal(4, 1.0)),
            says=fixed("the tool's prompt", "the tool's opening"),
            created_at=start_s
            - (rng.uniform(0, 20) if rng.random() < young else 40 + rng.lognormal(5, 1)) * DAY_S,
            payment=f"tool-card-{i}",
            addresses=(f"tool-home-{i}",),
            client="tool-client",
            start_s=start_s + float(rng.exponential(4 * HOUR_S)),
            hours=((first := int(rng.integers(24))), (first + 12) % 24),
        )
        for i in range(count)
    ]


def company(rng: Rng, count: int, *, young: float = 0.3) -> list[Account]:
    """Staff behind one address on one payment, with a prompt library; a department is new."""
    return [
        Account(
            name=f"staff-{i}",
            per_day=float(rng.lognormal(3, 0.7)),
            says=lambda r: ("the company's prompt", f"library-{r.integers(12)}"),
            created_at=START_S - (2 * DAY_S if rng.random() < young else 300 * DAY_S),
            payment="company",
            addresses=("egress-1", "egress-2"),
            client="company-browser",
            hours=(8, 18),
        )
        for i in range(count)
    ]


def pool(rng: Rng, count: int, *, cards: bool = True, start_s: float = RELEASE_S) -> list[Account]:
    """One injected prompt, 857 requests a day each, residential addresses, days old."""
    return [
        Account(
            name=f"pool-{i}",
            per_day=float(857 * rng.lognormal(0, 0.3)),
            says=fixed("the injected prompt"),
            created_at=start_s - float(rng.uniform(0.1, 9)) * DAY_S,
            payment=f"virtual-{i // 8}" if cards else f"virtual-{i}",
            addresses=tuple(f"proxy-{i}-{j}" for j in range(30)),
            client=f"sdk-{i % 3}",
            start_s=start_s + float(rng.exponential(1200)),
        )
        for i in range(count)
    ]


def hydra(rng: Rng, count: int, *, start_s: float = RELEASE_S) -> list[Account]:
    """Light accounts, half their traffic others', templates in many variations."""

    def says(r: Rng) -> tuple[str, str]:
        if r.random() < 0.5:
            return "", f"customer-{r.integers(10**9)}"
        return "", f"variation-{r.integers(48)}"

    return [
        Account(
            name=f"hydra-{i}",
            per_day=float(22 * rng.lognormal(0, 0.4)),
            says=says,
            created_at=start_s - float(rng.uniform(0.1, 30) if i % 3 else 200) * DAY_S,
            payment=f"card-h{i // 3}",
            addresses=tuple(f"exit-{rng.integers(2 * count)}" for _ in range(8)),
            client=f"browser-{i % 12}",
            start_s=start_s + float(rng.uniform(0, 2 * HOUR_S)),
        )
        for i in range(count)
    ]


def items(count: int, name: str) -> Asks:
    """One of so many items, each with two phrases."""

    def asks(r: Rng) -> tuple[str, str]:
        item = r.integers(count)
        return f"{name}-{item}-a", f"{name}-{item}-b"

    return asks


def disguised(rng: Rng, name: str, *, per_day: float, asks: Asks) -> Account:
    """Own words, months old, own payment, home and client."""
    return Account(
        name=name,
        per_day=per_day,
        says=fixed("", f"{name} in its own words"),
        created_at=START_S - float(40 + rng.lognormal(5, 1)) * DAY_S,
        payment=f"card-{name}",
        addresses=(f"home-{name}",),
        client=f"browser-{rng.integers(12)}",
        asks=asks,
        start_s=RELEASE_S + float(rng.uniform(0, 2 * HOUR_S)),
    )


def evasive_hydra(rng: Rng, count: int) -> list[Account]:
    """One list of items for accounts that have nothing else in common."""
    asks = items(4 * count, "item")
    return [
        disguised(rng, f"evasive-{i}", per_day=float(22 * rng.lognormal(0, 0.4)), asks=asks)
        for i in range(count)
    ]


def aged(rng: Rng, name: str, **traits: object) -> Account:
    """Anybody: months old, own payment, home and words."""
    defaults = {
        "per_day": float(20 * rng.lognormal(0, 0.3)),
        "says": fixed("", f"{name} in its own words"),
        "created_at": START_S - float(40 + rng.lognormal(5, 1)) * DAY_S,
        "payment": f"card-{name}",
        "addresses": (f"home-{name}",),
        "start_s": RELEASE_S + float(rng.uniform(0, 3 * HOUR_S)),
    }
    return Account(name=name, **(defaults | traits))  # type: ignore[arg-type]
