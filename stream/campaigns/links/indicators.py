"""Indicators by name: from slots of the table to kind and fingerprint, and the accounts of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.campaigns.links.edges import EdgeTable
    from stream.campaigns.types import Indicator
    from stream.core.batch import ValueSlots


def indicators(table: EdgeTable, values: ValueSlots) -> list[Indicator]:
    """Return the indicators in some slots."""
    kinds, numbers = table.values["kind"][values], table.values["value"][values]
    return [*zip(kinds.tolist(), numbers.tolist(), strict=True)]


def in_order(table: EdgeTable, values: ValueSlots) -> ValueSlots:
    """Return slots in the order of their indicators, which is the same everywhere."""
    kinds, numbers = table.values["kind"][values], table.values["value"][values]
    return np.asarray(values[np.lexsort((numbers, kinds))])


def accounts_using(table: EdgeTable, wanted: Iterable[Indicator]) -> dict[Indicator, set[str]]:
    """Return the accounts that use each of some indicators; unknown indicators are absent."""
    wanted = [*wanted]
    found = dict(zip(wanted, table.find_values(wanted).tolist(), strict=True))
    by_slot: dict[int, set[str]] = {slot: set() for slot in found.values() if slot >= 0}
    if not by_slot:
        return {}
    edges = table.edges_of(np.array([*by_slot], np.int64))
    names = table.names(table.edges["account"][edges])
    for slot, name in zip(table.edges["value"][edges].tolist(), names, strict=True):
        by_slot[slot].add(name)
    return {indicator: by_slot[slot] for indicator, slot in found.items() if slot >= 0}
