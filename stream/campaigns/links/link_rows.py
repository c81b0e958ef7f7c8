"""Rows of links as the link table takes them in: of several batches at once, and each edge once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.campaigns.links.graph_columns import OF_ACCOUNT
from stream.core.batch import joined, optional_columns
from stream.core.links import LINK_COLUMNS, LinkBatch
from stream.store.order import run_starts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stream.core.batch import AccountSlots, Array, Positions, ValueSlots

_SLOT_BITS: Final = 32


def portions(columns: Mapping[str, Array], *, most: int) -> Iterator[Positions | slice]:
    """Yield the rows in portions of about ``most``; the rows of an indicator stay together."""
    if len(columns["value"]) <= most:
        yield slice(None)
        return
    order = np.lexsort((columns["value"], columns["kind"]))
    kind, value = columns["kind"][order], columns["value"][order]
    borders = np.flatnonzero((np.diff(kind) != 0) | (value[1:] != value[:-1])) + 1
    cuts = borders[np.flatnonzero(np.diff(borders // most, prepend=0))]
    yield from np.split(order, cuts)


def joined_rows(batches: Sequence[LinkBatch]) -> tuple[list[str], dict[str, Array]]:
    """Return account ids and rows of all batches; one account may occur more than once."""
    names: list[str] = []
    accounts = []
    for batch in batches:
        accounts.append(batch.columns["account"].astype(np.int64) + len(names))
        names += batch.accounts
    columns = {
        name: joined([batch.columns[name] for batch in batches], dtype)
        for name, dtype in LINK_COLUMNS.items()
        if name != "account"
    } | optional_columns([batch.columns for batch in batches], LinkBatch.OPTIONAL)
    return names, {**columns, "account": np.concatenate([np.zeros(0, np.int64), *accounts])}


def by_edge(
    accounts: AccountSlots, values: ValueSlots, rows: Positions, columns: Mapping[str, Array]
) -> tuple[AccountSlots, ValueSlots, Mapping[str, Array]]:
    """Return account, indicator and columns of the edges of ``rows``, each edge once.

    A phrase occurs twice where one request begins with the words that another one ends with.
    """
    key = accounts << _SLOT_BITS | values
    order = np.argsort(key)
    key, rows = key[order], rows[order]
    at = run_starts(key)
    columns = {name: columns[name][rows] for name in ("time", "requests", *OF_ACCOUNT)}
    if len(at) < len(key):
        columns = {
            name: (np.add if name == "requests" else np.fmax).reduceat(column, at)
            for name, column in columns.items()
        }
        key = key[at]
    columns["row"] = rows[at]
    return key >> _SLOT_BITS, key & ((1 << _SLOT_BITS) - 1), columns
