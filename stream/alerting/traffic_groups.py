"""What a campaign did, by country and model; all that a member did counts for its main one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.egress import COUNTRY_BITS
from stream.core.findings import TrafficGroup
from stream.core.networks import country_name
from stream.core.traffic import matrix

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.core.batch import Array
    from stream.core.traffic import GroupedBy

#: Countries and models of a campaign that are named, each (assumed: more than a reader needs).
MOST_GROUPS: Final = 20
_COUNTRY: Final = np.uint64(2**COUNTRY_BITS - 1)


def traffic_groups(tally: Array, model_name: Callable[[int], str]) -> list[TrafficGroup]:
    """Return the groups of the rows of a tally, those with the most output tokens first.

    Countries come before models; the name "" is for what is unknown and beyond the most.
    """
    place = tally["place"]
    return [
        *_groups("country", place & _COUNTRY, tally, country_name),
        *_groups("model", place & ~_COUNTRY, tally, model_name),
    ]


def _groups(
    by: GroupedBy, codes: Array, tally: Array, name_of: Callable[[int], str]
) -> list[TrafficGroup]:
    counted = matrix(tally["counted"])
    distinct, row = np.unique(codes, return_inverse=True)
    sums = np.zeros((len(distinct), counted.shape[1]), np.int64)
    np.add.at(sums, row, counted)
    accounts = np.bincount(row, minlength=len(distinct)).tolist()
    named = [
        (name_of(code), some, amounts)
        for code, some, amounts in zip(distinct.tolist(), accounts, sums.tolist(), strict=True)
    ]
    named.sort(key=lambda one: (not one[0], -one[2][2], one[0]))
    shown = [one for one in named if one[0]][:MOST_GROUPS]
    groups = [_group(by, *one) for one in shown]
    if rest := named[len(shown) :]:
        amounts = np.array([one[2] for one in rest], np.int64).sum(axis=0).tolist()
        groups.append(_group(by, "", sum(one[1] for one in rest), amounts))
    return groups


def _group(by: GroupedBy, name: str, accounts: int, amounts: list[int]) -> TrafficGroup:
    requests, received, sent, reasoning = amounts
    return TrafficGroup(
        by=by,
        name=name,
        accounts=accounts,
        requests=requests,
        input_tokens=received,
        output_tokens=sent,
        reasoning_tokens=reasoning,
    )
