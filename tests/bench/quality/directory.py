"""The account directory: what the operator's billing export knows and no gateway logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.tools.simulate.account import Account
    from stream.tools.simulate.request import Request

#: Fields of a request that an entry can fill.
KNOWN: Final = frozenset({"account_created_at", "plan", "payment_id", "organization_id", "country"})


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an operator's billing export says of one account; times in epoch seconds."""

    created_at: float | None = None
    plan: str | None = None
    payment_id: str | None = None
    organization_id: str | None = None
    country: str | None = None


def entry(account: Account) -> Entry:
    """Return what billing knows of a simulated account; it lives where its first address is."""
    paper = account.paper
    return Entry(
        created_at=float(int(paper.created_at)),
        plan=paper.plan,
        payment_id=paper.payment_id,
        organization_id=paper.organization_id,
        country=account.origin.addresses[0].country,
    )


def filled(request: Request, directory: Mapping[str, Entry]) -> Request:
    """Give a request the absent fields that the directory knows, in place."""
    found = directory.get(request.account_id)
    if found is None:
        return request
    if request.account_created_at is None:
        request.account_created_at = found.created_at
    for name in ("plan", "payment_id", "organization_id", "country"):
        if getattr(request, name) is None:
            setattr(request, name, getattr(found, name))
    return request
