"""The account directory of simulated accounts: what a billing export has and no gateway logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from stream.intake.directory.entry import AccountEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.intake.directory.directory import AccountDirectory
    from stream.tools.simulate.account import Account

__all__ = ["KNOWN", "AccountEntry", "entry", "load"]

#: Fields of a request that an entry can fill.
KNOWN: Final = frozenset({"account_created_at", "plan", "payment_id", "organization_id", "country"})


def entry(account: Account) -> AccountEntry:
    """Return the entry of a simulated account; it lives where its first address is."""
    paper = account.paper
    return AccountEntry(
        created_at=float(int(paper.created_at)),
        plan=paper.plan,
        payment_id=paper.payment_id,
        organization_id=paper.organization_id,
        country=account.origin.addresses[0].country,
    )


def load(
    directory: AccountDirectory, entries: Mapping[str, AccountEntry], *, latest: float
) -> None:
    """Load entries by account into the product's directory, as from its topic."""
    rows = [(name.encode(), msgspec.json.encode(one)) for name, one in entries.items()]
    rejected = directory.load(rows, latest=latest)
    if rejected:
        raise AssertionError(f"the directory is not valid: {rejected[:3]}")
