"""Groups as the links stage sends them: a pool of young accounts, and old ones beside it."""

from __future__ import annotations

from stream.core.findings import Group, Member
from stream.core.links import LinkKind
from stream.core.traffic import COUNTS, TRAFFIC

START_S = 1_772_409_600.0
DAY_S = 86_400.0


def group(kind: LinkKind, value: int, names: list[str], *, age_s: float = DAY_S) -> Group:
    members = [
        Member(
            account_id=name,
            since=START_S,
            last=START_S,
            requests=20,
            organization=0,
            created_at=START_S - age_s,
            first_seen=START_S,
            day_requests=20,
            active_hours=3,
            before=bytes(COUNTS.itemsize),
            traffic=bytes(TRAFFIC.itemsize),
        )
        for name in names
    ]
    return Group(
        kind=kind, value=value, time=START_S, since=START_S, size=len(names), members=members
    )


def pool(prompt: int) -> list[Group]:
    """Two dozen young accounts with one prompt, six on each payment."""
    names = [f"p{prompt}-{i:02}" for i in range(24)]
    cards = [names[i : i + 6] for i in range(0, 24, 6)]
    return [
        group(LinkKind.SYSTEM_PROMPT, prompt, names),
        *(group(LinkKind.PAYMENT, 1000 * prompt + i, card) for i, card in enumerate(cards)),
    ]


#: Old accounts that have an opening in common, so that the population is not all young.
OTHERS = group(LinkKind.TEMPLATE, 1, [f"old-{i}" for i in range(400)], age_s=400 * DAY_S)
