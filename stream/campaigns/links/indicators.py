"""Indicators by name: from slots to kind and fingerprint and back, and the accounts of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from stream.campaigns.links.bipartite_graph import BipartiteGraph
    from stream.campaigns.types import Indicator
    from stream.core.batch import ValueSlots


def indicators(graph: BipartiteGraph, values: ValueSlots) -> list[Indicator]:
    """Return the indicators in some slots."""
    kinds, numbers = graph.values["kind"][values], graph.values["value"][values]
    return [*zip(kinds.tolist(), numbers.tolist(), strict=True)]


def find(graph: BipartiteGraph, wanted: Sequence[Indicator]) -> ValueSlots:
    """Return the slots of indicators, -1 for unknown ones; shape ``(n,)``, i8."""
    if not wanted:
        return np.zeros(0, np.int64)
    kinds, values = zip(*wanted, strict=True)
    return graph.find_values(np.array(kinds, np.uint8), np.array(values, np.uint64))


def _by_any_name(graph: BipartiteGraph, wanted: Sequence[Indicator]) -> ValueSlots:
    """Return the slots of indicators by their fingerprint or their alias, -1 for unknown ones."""
    slots, values = find(graph, wanted), graph.values
    renamed = np.flatnonzero(values.used & (values["alias"] != 0))
    if len(renamed) and (slots < 0).any():
        pairs = zip(
            values["kind"][renamed].tolist(), values["alias"][renamed].tolist(), strict=True
        )
        aliases = dict(zip(pairs, renamed.tolist(), strict=True))
        found = [aliases.get((int(kind), value), -1) for kind, value in wanted]
        slots = np.where(slots < 0, np.array(found, np.int64), slots)
    return np.asarray(slots)


def under_previous(graph: BipartiteGraph, wanted: Collection[Indicator]) -> set[Indicator]:
    """Return indicators, those that were renamed under their previous fingerprint."""
    wanted = [*wanted]
    slots = find(graph, wanted)
    alias = graph.values["alias"][slots]
    alias[slots < 0] = 0
    return {(kind, old or value) for (kind, value), old in zip(wanted, alias.tolist(), strict=True)}


def in_order(graph: BipartiteGraph, values: ValueSlots) -> ValueSlots:
    """Return slots in the order of their indicators, which is the same everywhere."""
    kinds, numbers = graph.values["kind"][values], graph.values["value"][values]
    return np.asarray(values[np.lexsort((numbers, kinds))])


def accounts_using(graph: BipartiteGraph, wanted: Iterable[Indicator]) -> dict[Indicator, set[str]]:
    """Return the accounts that use each of some indicators; unknown indicators are absent.

    One that was renamed is found by its previous fingerprint, too.
    """
    wanted = [*wanted]
    found = dict(zip(wanted, _by_any_name(graph, wanted).tolist(), strict=True))
    by_slot: dict[int, set[str]] = {slot: set() for slot in found.values() if slot >= 0}
    if not by_slot:
        return {}
    edges = graph.edges_of(np.array([*by_slot], np.int64))
    names = graph.names(graph.edges["account"][edges])
    for slot, name in zip(graph.edges["value"][edges].tolist(), names, strict=True):
        by_slot[slot].add(name)
    return {indicator: by_slot[slot] for indicator, slot in found.items() if slot >= 0}
