"""People whose prompts a campaign uses as camouflage, or repeats to accuse them."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from testlib.traffic.link_traffic import Account, Asks, people
from testlib.traffic.stories import Rng, disguised, items

#: Prompts of each person that somebody else may use as well.
_PROMPTS = 6


def phrases(prompt: str) -> tuple[str, str]:
    return f"{prompt}-a", f"{prompt}-b"


def chatters(rng: Rng, count: int) -> list[Account]:
    """People half of whose requests are prompts of their own that are known elsewhere."""

    def asks_of(person: int) -> Asks:
        def asks(r: Rng) -> tuple[str, ...]:
            return () if r.random() < 0.5 else phrases(f"chat-{person}-{r.integers(_PROMPTS)}")

        return asks

    return [
        replace(one, name=f"chat-{i}", asks=asks_of(i), addresses=(f"chat-home-{i}",))
        for i, one in enumerate(people(rng, count))
    ]


def camouflaged(rng: Rng, count: int, *, victims: int, share: float = 0.6) -> list[Account]:
    """One list of items, dealt to accounts that mostly ask what :func:`chatters` ask."""
    list_of_items = items(4 * count, "item")

    def asks(r: Rng) -> tuple[str, ...]:
        if r.random() >= share:
            return list_of_items(r)
        return phrases(f"chat-{r.integers(victims)}-{r.integers(_PROMPTS)}")

    return [
        disguised(rng, f"evasive-{i}", per_day=float(22 * rng.lognormal(0, 0.4)), asks=asks)
        for i in range(count)
    ]


def repeated(rng: Rng, count: int, *, victims: int) -> list[Account]:
    """As above, but half of what they send repeats whatever the victims have just asked."""
    asked: deque[str] = deque(maxlen=10 * victims)
    list_of_items = items(4 * count, "item")

    def own(person: int) -> Asks:
        numbers = iter(range(10**9))

        def asks(r: Rng) -> tuple[str, ...]:
            del r
            asked.append(f"victim-{person}-{next(numbers)}")
            return phrases(asked[-1])

        return asks

    def asks(r: Rng) -> tuple[str, ...]:
        repeats = asked and r.random() < 0.5
        return phrases(asked[r.integers(len(asked))]) if repeats else list_of_items(r)

    accused = [
        replace(one, name=f"victim-{i}", asks=own(i), addresses=(f"victim-home-{i}",))
        for i, one in enumerate(people(rng, victims))
    ]
    return [
        *accused,
        *(
            disguised(rng, f"evasive-{i}", per_day=float(22 * rng.lognormal(0, 0.4)), asks=asks)
            for i in range(count)
        ),
    ]
