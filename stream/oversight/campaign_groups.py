"""A campaign's traffic by country and by model: groups of few accounts are only in the others."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from stream.core.egress import SMALLEST_GROUP
from stream.core.events import MAX_MODEL_CHARACTERS
from stream.core.networks import COUNTRIES
from stream.oversight.report import CampaignGroup, TokenSum

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.core.findings import TrafficGroup
    from stream.core.traffic import GroupedBy


def is_group(one: TrafficGroup, most: int) -> bool:
    """Return whether a group of an alert has what groups have; ``most``: of everything."""
    named = one.name in COUNTRIES if one.by == "country" else one.name.isprintable()
    named = (named and len(one.name) <= MAX_MODEL_CHARACTERS) or not one.name
    amounts = (one.requests, one.input_tokens, one.output_tokens, one.reasoning_tokens)
    return named and all(0 <= amount <= most for amount in (one.accounts, *amounts))


def shown_groups(groups: Iterable[TrafficGroup], by: GroupedBy) -> list[CampaignGroup]:
    """Return the groups of enough accounts, most output tokens first, then all others as one."""
    large: list[TrafficGroup] = []
    small: list[TrafficGroup] = []
    for one in groups:
        if one.by == by:
            enough = one.name and one.accounts >= SMALLEST_GROUP
            (large if enough else small).append(one)
    shown = [_united(one.name, [one]) for one in large]
    return _ordered([*shown, *([_united(None, small)] if small else [])])


def united_groups(campaigns: Iterable[Sequence[CampaignGroup]]) -> list[CampaignGroup]:
    """Return the groups of several campaigns as one; what one of them hides stays hidden."""
    of: defaultdict[str | None, list[CampaignGroup]] = defaultdict(list)
    for groups in campaigns:
        for one in groups:
            of[one.name].append(one)
    return _ordered(
        [
            CampaignGroup(
                name=name,
                accounts=sum(one.accounts for one in some),
                sums=_sum([one.sums for one in some]),
            )
            for name, some in of.items()
        ]
    )


def _united(name: str | None, groups: Sequence[TrafficGroup]) -> CampaignGroup:
    accounts = sum(one.accounts for one in groups)
    return CampaignGroup(name=name, accounts=accounts, sums=_sum(groups))


def _sum(parts: Sequence[TrafficGroup] | Sequence[TokenSum]) -> TokenSum:
    return TokenSum(
        requests=sum(one.requests for one in parts),
        input_tokens=sum(one.input_tokens for one in parts),
        output_tokens=sum(one.output_tokens for one in parts),
        reasoning_tokens=sum(one.reasoning_tokens for one in parts),
    )


def _ordered(groups: list[CampaignGroup]) -> list[CampaignGroup]:
    return sorted(
        groups, key=lambda one: (one.name is None, -one.sums.output_tokens, one.name or "")
    )
