"""Picks prompts of light accounts for the topic cells: at most one of each account an hour.

So a person's session counts as much as a single request, and alerting gets few rows. Which prompts
are alike is not known here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.events import WORD_CELLS
from stream.core.findings import LightPrompt, Member
from stream.pipeline.link_extraction import organization_of, traffic_of
from stream.store.columns import Field
from stream.store.order import run_sizes

if TYPE_CHECKING:
    from stream.core.batch import AccountSlots, Positions
    from stream.pipeline.link_extraction import WindowSnapshot
    from stream.store.account_table import AccountTable

#: Requests of a day up to which an account is light. Assumed: published campaigns of light accounts
#: have 5 to 22, and heavier accounts are scored one by one.
LIGHT: Final = 60.0
_HOUR_S: Final = 3600.0


class LightPrompts:
    """Remembers the last hour of which a prompt of an account was picked, in the table."""

    FIELDS: Final = (Field("prompt_hour", np.dtype("<i4")),)

    def __init__(self, table: AccountTable) -> None:
        """Work on ``table``, which must have :attr:`FIELDS`."""
        self._table = table

    def pick(self, snapshot: WindowSnapshot, slots: AccountSlots) -> list[LightPrompt]:
        """Return the prompts picked from a window; ``slots`` are those of its accounts, (n,)."""
        rows = snapshot.rows
        # A window that ends on the hour belongs to the hour before.
        hour = math.ceil(rows.time / _HOUR_S) - 1
        cells = rows.columns["word_cells"][rows.at].view(np.uint8)
        has_words = cells.reshape(len(rows.at), WORD_CELLS // 8).any(axis=1)
        due = self._table["prompt_hour"][slots] < hour
        chosen = np.flatnonzero(due & has_words & (snapshot.day_requests <= LIGHT))
        if not len(chosen):
            return []
        self._table["prompt_hour"][slots[chosen]] = hour
        first = rows.at[chosen]
        prompts, words = (rows.columns[name][first] for name in ("prompt", "word_cells"))
        return [
            LightPrompt(rows.time, prompt.tobytes(), cells.tobytes(), member)
            for prompt, cells, member in zip(
                prompts, words, members_at(snapshot, chosen), strict=True
            )
        ]


def members_at(snapshot: WindowSnapshot, chosen: Positions) -> list[Member]:
    """Return some accounts of a window as they would join a group at its end."""
    rows = snapshot.rows
    known = {name: getattr(snapshot, name) for name in ("hour", "first_seen", "total", "place")}
    sizes = run_sizes(rows.at, len(rows.columns["time"]))
    time = np.full(len(rows.at), rows.time)
    traffic, before = traffic_of(rows.columns, known, rows.at, sizes, time)
    created = snapshot.created_at[chosen].tolist()
    columns = (
        organization_of(rows.columns["organization"], rows.at)[chosen].tolist(),
        # NaN is not equal to itself, so equal rows would not be.
        [None if math.isnan(at) else at for at in created],
        snapshot.first_seen[chosen].tolist(),
        snapshot.day_requests[chosen].tolist(),
        snapshot.active_hours[chosen].tolist(),
        [row.tobytes() for row in before[chosen]],
        [row.tobytes() for row in traffic[chosen]],
    )
    names = [rows.accounts[i] for i in chosen.tolist()]
    return [
        Member(name, rows.time, rows.time, 1, *others)
        for name, *others in zip(names, *columns, strict=True)
    ]
