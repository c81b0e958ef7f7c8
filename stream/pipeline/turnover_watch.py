"""Which accounts of a task begin, stay or fall silent, as rows for the alerting stage.

An account is reported once it has requests enough for a profile, then every hour while it is new
and once a day later, when it has fallen silent, and when it comes back. Silence is looked for at
fixed moments of event time, so that what is found does not depend on how rows arrive.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from stream.accounts.windows.silence import is_silent
from stream.core.findings import Turnover
from stream.core.traffic import TRAFFIC, counts
from stream.store.columns import Field
from stream.store.layouts import of_structs

if TYPE_CHECKING:
    from stream.accounts.windows.account_windows import AccountWindows, WindowRows
    from stream.core.batch import AccountSlots, Mask
    from stream.store.account_table import AccountTable

#: Silence is looked for this often (assumed: the shortest silence is an hour).
_CHECK_EVERY_S: Final = 900.0
#: This long after the last request of all, the last account has fallen silent.
_KNOWN_S: Final = 27 * 3600.0
#: Requests that make a profile (assumed).
_FEW: Final = 20
#: An account is reported this often while it is new, for so long, and later (assumed).
_NEW_EVERY_S: Final = 3600.0
_NEW_S: Final = 3 * 86400.0
_EVERY_S: Final = 86400.0
_MOST_AN_HOUR: Final = 2**32 - 1


class _Checked(msgspec.Struct, frozen=True):
    """Until when silence was looked for, and the end of the latest window; epoch seconds."""

    until: float
    latest: float


class TurnoverWatch:
    """Begin, silence and return of the accounts of a table."""

    FIELDS: Final = (
        Field("turnover_due", np.dtype("<f8")),  # when it is reported next
        Field("silent", np.dtype(bool)),  # and reported so
        Field("organization", np.dtype("<u8")),
    )
    #: What the stored row consists of.
    layout: Final = of_structs(_Checked)

    def __init__(self, table: AccountTable, windows: AccountWindows) -> None:
        """Work on ``table``, which has to have :attr:`FIELDS` and those of ``windows``."""
        self._table = table
        self._windows = windows
        self._checked = _Checked(-math.inf, -math.inf)
        self._written: _Checked | None = None

    def check(self, time: float, *, including: bool) -> list[Turnover]:
        """Return who has fallen silent by each check before ``time``; ``including`` one at it."""
        until, latest = self._checked.until, self._checked.latest
        if latest == -math.inf:
            return []
        # The state of a check has all windows up to it, and none after it.
        first = math.ceil(latest / _CHECK_EVERY_S)
        if until > -math.inf:
            first = max(first, math.floor(until / _CHECK_EVERY_S) + 1)
        last = math.floor(min(time, latest + _KNOWN_S) / _CHECK_EVERY_S)
        if last * _CHECK_EVERY_S == time and not including:
            last -= 1
        if first > last:
            return []
        self._checked = _Checked(last * _CHECK_EVERY_S, latest)
        return [
            row
            for number in range(first, last + 1)
            for row in self._fallen_silent(number * _CHECK_EVERY_S)
        ]

    def _fallen_silent(self, time: float) -> list[Turnover]:
        table = self._table
        slots = table.columns.in_use
        slots = slots[~table["silent"][slots] & (table["turnover_due"][slots] > 0)]
        slots = slots[is_silent(table, slots, time)]
        table["silent"][slots] = True
        table.touch(slots.tolist())
        return self._rows(slots, time, silent=True)

    def note(self, rows: WindowRows, slots: AccountSlots) -> list[Turnover]:
        """Return who of the accounts of a window, ``slots``, is to be reported now."""
        table, time = self._table, rows.time
        self._checked = _Checked(self._checked.until, max(self._checked.latest, time))
        due = self._due(slots, time)
        if not due.any():
            return []
        organization = np.maximum.reduceat(rows.columns["organization"], rows.at)[due]
        slots = slots[due]
        known = organization != 0
        table["organization"][slots[known]] = organization[known]
        new = time - table["first_seen"][slots] <= _NEW_S
        table["turnover_due"][slots] = time + np.where(new, _NEW_EVERY_S, _EVERY_S)
        table["silent"][slots] = False
        return self._rows(slots, time, silent=False)

    def _due(self, slots: AccountSlots, time: float) -> Mask:
        table = self._table
        due = (table["turnover_due"][slots] <= time) | table["silent"][slots]
        return np.asarray(due & (table["total"][slots, 0] >= _FEW))

    def _rows(self, slots: AccountSlots, time: float, *, silent: bool) -> list[Turnover]:
        table, windows = self._table, self._windows
        if not len(slots):
            return []
        hour = np.minimum(windows.totals("hour", slots, time), _MOST_AN_HOUR)
        traffic = np.empty(len(slots), TRAFFIC)
        traffic["since"], traffic["seen"] = table["first_seen"][slots], time
        traffic["total"] = counts(windows.total(slots))
        traffic["place"] = windows.place.of(slots)
        traffic["hour_requests"], traffic["hour_output_tokens"] = hour[:, 0], hour[:, 2]
        last = table["last_seen"][slots].tolist()
        created = table["created_at"][slots].tolist()
        columns = zip(
            (table.name(slot) for slot in slots.tolist()),
            last if silent else [None] * len(slots),
            table["organization"][slots].tolist(),
            (None if math.isnan(at) else at for at in created),
            table["first_seen"][slots].tolist(),
            windows.requests("day", slots, time).tolist(),
            windows.active_hours(slots, time).tolist(),
            (row.tobytes() for row in traffic),
            table["content_n"][slots].tolist(),
            (row.tobytes() for row in table["content_recent"][slots]),
            strict=True,
        )
        rows = [Turnover(name, time, *others) for name, *others in columns]
        return sorted(rows, key=lambda row: row.account_id)

    # -- durable state ------------------------------------------------------------------------

    def take_changes(self) -> list[bytes]:
        """Return the row when it changed since the last call."""
        if self._checked in {self._written, _Checked(-math.inf, -math.inf)}:
            return []
        self._written = self._checked
        return [msgspec.msgpack.encode(self._checked)]

    def load(self, row: bytes) -> None:
        """Continue from a stored row."""
        self._checked = self._written = msgspec.msgpack.decode(row, type=_Checked)
