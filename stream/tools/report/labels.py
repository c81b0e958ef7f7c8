"""The labels file of the contract: which accounts attack, and in which campaign."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from stream.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

HEADER = ("account_id", "label", "campaign_id")


@dataclass(frozen=True, slots=True)
class Labels:
    """Attacking accounts by campaign; a lone attacker is a campaign of its own account id."""

    campaigns: Mapping[str, frozenset[str]]
    benign: int

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str, str]]) -> Self:
        """Return the labels of (account, label, campaign) rows."""
        members: dict[str, set[str]] = {}
        benign = 0
        for account, label, campaign in rows:
            if label == "attack":
                members.setdefault(campaign or account, set()).add(account)
            else:
                benign += 1
        return cls({name: frozenset(some) for name, some in members.items()}, benign)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a labels file; raises UsageError that names the line."""
        try:
            with path.open(newline="") as file:
                return cls.of(_rows(path, csv.reader(file)))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path}: cannot be read: {error}") from error

    @property
    def campaign_of(self) -> dict[str, str]:
        """Return account -> campaign for the attacking accounts."""
        return {a: name for name, members in self.campaigns.items() for a in members}


def _rows(path: Path, reader: Iterable[list[str]]) -> Iterable[tuple[str, str, str]]:
    for number, row in enumerate(reader, start=1):
        if number == 1:
            if tuple(row) != HEADER:
                raise UsageError(f"{path}:1: expected the header {','.join(HEADER)}")
        elif len(row) != len(HEADER) or row[1] not in {"benign", "attack"}:
            raise UsageError(f"{path}:{number}: expected account_id,benign|attack,campaign_id")
        else:
            yield row[0], row[1], row[2]
