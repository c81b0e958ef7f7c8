"""Which light accounts live in the topic that surges: those that keep coming back to it.

One prompt in a hundred is in a topic cell by chance, so one is no evidence on its account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from msgspec.structs import replace

from stream.accounts.topics.surge import TopicSurge
from stream.core.events import WORD_CELLS
from stream.core.findings import Group
from stream.core.links import LinkKind, half_days
from stream.core.traffic import COUNTS, NAMES, counts, matrix, rows_of
from stream.store.columns import Field

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stream.core.batch import AccountSlots, Floats, Mask
    from stream.core.findings import LightPrompt, Member
    from stream.store.account_table import AccountTable

#: A prompt this long ago counts half.
_HALF_LIFE_S: Final = 86_400.0
#: An account lives in the topic from this count on, i.e. with its second prompt of a day, if it is
#: this part of its prompts. Measured on real prompts, two days of 9 requests: nine of ten accounts
#: of which four in ten prompts are mathematics, and one of 150 others.
_LEAST: Final = 1.5
_LEAST_SHARE: Final = 0.15
#: Share of the accounts of a day that live in a topic cell by chance (measured as above: 0.004 to
#: 0.007), and the multiple of it from which they are linked (assumed).
BY_CHANCE: Final = 0.01
_CROWD: Final = 3.0


class TopicResidents:
    """Follows accounts into the topic cell, in fields of a table of light accounts."""

    FIELDS: Final = (
        Field("prompts", np.dtype("<f4")),  # of the account, decayed to ``time``
        Field("inside", np.dtype("<f4")),  # of these in the topic cell
        Field("time", np.dtype("<f8")),  # epoch seconds
        Field("since", np.dtype("<f8"), initial=np.nan),  # it lives there; NaN: it does not
        Field("before", np.dtype("<i8"), (len(NAMES),)),  # its counters then
    )

    def __init__(self, table: AccountTable) -> None:
        """Work on ``table``, which must have :attr:`FIELDS`."""
        self._table = table
        self.surge: Final = TopicSurge()

    def eviction_priority(self, slots: AccountSlots) -> Floats:
        """Return the priority of accounts, ``(n,)``: those with the oldest prompts go first."""
        return np.asarray(self._table["time"][slots])

    def step(self, time: float, prompts: Sequence[LightPrompt]) -> list[Group]:
        """Take in the prompts of the window that ends at ``time``, one of each account at most.

        Returns, while a topic surges, the accounts that live there and came back.
        """
        prompts = sorted(prompts, key=lambda one: one.member.account_id)
        self.surge.step(time)
        if not prompts:
            return []
        packed = np.frombuffer(b"".join(one.word_cells for one in prompts), np.uint8)
        cells = packed.reshape(len(prompts), WORD_CELLS // 8)
        self.surge.add(np.frombuffer(b"".join(one.prompt for one in prompts), "<u8"), cells)
        inside = self.surge.holds(cells)
        most = self._table.portion
        parts = [slice(first, first + most) for first in range(0, len(prompts), most)]
        members = [
            member
            for part in parts
            for member in self._lived(time, [one.member for one in prompts[part]], inside[part])
        ]
        linked = members and self.surge.surging and self._crowded(time)
        return [*_groups(time, members)] if linked else []

    def _crowded(self, time: float) -> bool:
        """Return whether more accounts live in the topic than by chance."""
        table = self._table
        lately = table.columns.in_use
        lately = lately[table["time"][lately] > time - _HALF_LIFE_S]
        living = np.count_nonzero(~np.isnan(table["since"][lately]))
        return bool(living >= _CROWD * BY_CHANCE * len(lately))

    def _lived(self, time: float, members: Sequence[Member], inside: Mask) -> list[Member]:
        """Count prompts; return the accounts that live in the topic, if this prompt is in it."""
        table = self._table
        slots = table.slots(
            [member.account_id for member in members], priority=self.eviction_priority
        )
        kept = np.exp2(-np.maximum(time - table["time"][slots], 0) / _HALF_LIFE_S)
        prompts = table["prompts"][slots] * kept + 1
        topic = table["inside"][slots] * kept + inside
        table["prompts"][slots], table["inside"][slots], table["time"][slots] = prompts, topic, time
        lives = (topic >= _LEAST) & (topic >= _LEAST_SHARE * prompts)
        came = np.flatnonzero(lives & np.isnan(table["since"][slots]))
        table["since"][slots[came]] = time
        if len(came):
            now = rows_of(COUNTS, [members[i].before for i in came.tolist()])
            table["before"][slots[came]] = matrix(now)
        table["since"][slots[~lives]] = np.nan
        here = np.flatnonzero(lives & inside)
        since, before = table["since"][slots[here]].tolist(), counts(table["before"][slots[here]])
        return [
            replace(members[i], since=at, before=row.tobytes(), requests=round(float(topic[i])))
            for i, at, row in zip(here.tolist(), since, before, strict=True)
        ]


def _groups(time: float, members: list[Member]) -> Iterator[Group]:
    """Yield the members as two groups: of the days around ``time``, from midnight and from noon.

    Accounts with prompts within twelve hours of one another have one of them in common.
    """
    for day in half_days(np.array([time])):
        yield Group(
            kind=LinkKind.TOPIC,
            value=int(day[0]),
            time=time,
            since=min(member.since for member in members),
            size=len(members),
            members=members,
        )
