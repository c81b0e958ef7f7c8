"""All that left in the period of a report, from the days of the ledger."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from stream.core.ledger import Amounts
from stream.core.rfc3339 import rfc3339
from stream.oversight.report import Egress, EgressDay, EgressGroup, TokenSum

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from stream.core.ledger import CampaignDay, LedgerDay
    from stream.oversight.ledger_book import LedgerBook


def egress(ledger: LedgerBook, cleared: Collection[str]) -> Egress:
    """Return what left; incidents that people have ``cleared`` are no campaigns."""
    days = [_day(one, cleared) for one in ledger.days]
    return Egress(
        oldest_day=ledger.oldest,
        total=_sum(one.total for one in ledger.days),
        campaigns_known=_sum(_known(one, cleared) for one in ledger.days),
        campaigns_before=_sum(_before(one, cleared) for one in ledger.days),
        countries=_united((one.countries, one.other_countries) for one in ledger.days),
        models=_united((one.models, one.other_models) for one in ledger.days),
        days=days,
    )


def token_sum(amounts: Amounts) -> TokenSum:
    """Return amounts as a report has them."""
    return TokenSum(
        requests=amounts.requests,
        input_tokens=amounts.input_tokens,
        output_tokens=amounts.output_tokens,
        reasoning_tokens=amounts.reasoning_tokens,
    )


def _sum(amounts: Iterable[Amounts]) -> TokenSum:
    return token_sum(sum(amounts, Amounts()))


def _day(one: LedgerDay, cleared: Collection[str]) -> EgressDay:
    return EgressDay(
        day=one.day,
        until=rfc3339(one.until),
        total=token_sum(one.total),
        campaigns_known=token_sum(_known(one, cleared)),
        campaigns_before=token_sum(_before(one, cleared)),
        countries=_groups(one.countries, one.other_countries),
        models=_groups(one.models, one.other_models),
    )


def _known(one: LedgerDay, cleared: Collection[str]) -> Amounts:
    return sum((part.known for part in _parts(one, cleared)), Amounts())


def _before(one: LedgerDay, cleared: Collection[str]) -> Amounts:
    return sum((part.before for part in _parts(one, cleared)), Amounts())


def _parts(one: LedgerDay, cleared: Collection[str]) -> list[CampaignDay]:
    campaigns = [part for name, part in sorted(one.campaigns.items()) if name not in cleared]
    return [*campaigns, one.other_campaigns]


def _united(days: Iterable[tuple[Mapping[str, Amounts], Amounts]]) -> list[EgressGroup]:
    sums: defaultdict[str, Amounts] = defaultdict(Amounts)
    others = Amounts()
    for groups, other in days:
        others += other
        for name, amounts in groups.items():
            sums[name] += amounts
    return _groups(sums, others)


def _groups(groups: Mapping[str, Amounts], other: Amounts) -> list[EgressGroup]:
    """Return the groups, most output tokens first, then what is unknown, then the others."""
    named = sorted((name for name in groups if name), key=lambda name: _order(name, groups))
    found = [EgressGroup(name=name, sums=token_sum(groups[name])) for name in named]
    if (unknown := groups.get("", Amounts())) != Amounts():
        found.append(EgressGroup(name="", sums=token_sum(unknown)))
    if other != Amounts():
        found.append(EgressGroup(name=None, sums=token_sum(other)))
    return found


def _order(name: str, groups: Mapping[str, Amounts]) -> tuple[int, int, str]:
    return -groups[name].output_tokens, -groups[name].requests, name
