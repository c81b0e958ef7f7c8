"""The country and model that most of an account's tokens belong to, in two numbers.

The majority vote of Boyer and Moore (1981), weighted by output tokens: each window votes for the
place of its longest answer. A place with more than half of all votes is always found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.store.columns import Field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.batch import AccountSlots, Array, Fingerprints, Positions
    from stream.store.account_table import AccountTable


class MainPlace:
    """Votes for countries and models, in fields of a table."""

    FIELDS: Final = (
        Field("place", np.dtype("<u8")),  # numbers of model and country (stream.core.egress)
        Field("place_lead", np.dtype("<f8")),  # votes for it, less those for others
    )

    def __init__(self, table: AccountTable) -> None:
        """Work on ``table``, which must have :attr:`FIELDS`."""
        self._table = table

    def add(self, slots: AccountSlots, columns: Mapping[str, Array], at: Positions) -> None:
        """Add the rows of a window; those of each account begin at ``at``."""
        found = _longest_answers(columns, at)
        votes = 1.0 + np.add.reduceat(columns["output_tokens"], at, dtype=np.int64)
        place, lead = self._table["place"][slots], self._table["place_lead"][slots]
        lead = np.where(place == found, lead + votes, lead - votes)
        self._table["place"][slots] = np.where(lead < 0, found, place)
        self._table["place_lead"][slots] = np.abs(lead)

    def of(self, slots: AccountSlots) -> Fingerprints:
        """Return the main place of accounts, 0: nothing known, shape ``(n,)``, u8."""
        return np.asarray(self._table["place"][slots])


def _longest_answers(columns: Mapping[str, Array], at: Positions) -> Fingerprints:
    """Return the place of each account's longest answer; of equal ones that of the largest number.

    So the order of rows does not matter.
    """
    place, tokens = columns["model"] | columns["country"], columns["output_tokens"]
    if len(at) == len(tokens):
        return np.asarray(place)
    sizes = np.diff(np.append(at, len(tokens)))
    longest = np.repeat(np.maximum.reduceat(tokens, at), sizes)
    return np.asarray(np.maximum.reduceat(np.where(tokens == longest, place, 0), at))
