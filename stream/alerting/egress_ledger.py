"""The egress ledger, day by day: exact sums of windows, and the part of campaigns.

The sums are state of the alerting task, so nothing counts twice or is left out when a worker ends.
What is written for a day are its whole sums: writing a record twice changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from stream.core.egress import SMALLEST_GROUP
from stream.core.ledger import (
    MOST_CAMPAIGNS,
    MOST_MODELS,
    Amounts,
    CampaignDay,
    LedgerDay,
    day_name,
    day_of,
    encode,
)
from stream.core.traffic import COUNTS, rows_of
from stream.store.layouts import of_structs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stream.alerting.metrics import AlertingMetrics
    from stream.core.egress import EgressSum
    from stream.core.traffic import GroupedBy

#: A day is written this often, by event time, while it changes.
_WRITTEN_EVERY_S: Final = 3600.0
#: Days that may still change: the members of a campaign are looked at every few minutes.
_OPEN_DAYS: Final = 2
#: Names of models that are known beyond their day; a few hundred are in use (assumed).
MOST_NAMES: Final = 1024
#: Days that are deleted at once, after a long time without traffic.
_MOST_DELETED: Final = 1000

_LEDGER: Final = b"e"  # of the rows of the alerting task


class _Group(msgspec.Struct, array_like=True):
    """One country or model of a day."""

    name: str
    accounts: int = 0  # bits, see EgressSum
    sums: Amounts = Amounts()


class _Day(msgspec.Struct, array_like=True):
    """An open day."""

    until: float = 0.0
    countries: dict[int, _Group] = {}
    models: dict[int, _Group] = {}
    beyond: Amounts = Amounts()  # of models without sums of their own
    campaigns: dict[str, CampaignDay] = {}
    other_campaigns: CampaignDay = CampaignDay()


class _State(msgspec.Struct):
    """All of the ledger that is not written for good."""

    days: dict[int, _Day] = {}
    changed: set[int] = set()  # since they were written
    names: dict[int, tuple[int, str]] = {}  # of models: day they were last seen, and name
    hour: int = -1  # of the latest record
    oldest: int | None = None  # day that has a record


class EgressLedger:
    """Sums what left; mutable. Emits records for the ledger's topic."""

    #: What stored rows consist of.
    layout: Final = of_structs(_State)

    def __init__(self, keep_days: int, *, metrics: AlertingMetrics) -> None:
        """Delete records of days that are more than ``keep_days`` ago."""
        self._keep_days = keep_days
        self._limit_hits = metrics.limit_hits_total.labels(limit="ledger")
        self._state = _State()
        self._dirty = False
        self._records: list[tuple[bytes, bytes | None]] = []

    # -- what is counted ----------------------------------------------------------------------

    def add(self, end: float, rows: Sequence[EgressSum]) -> None:
        """Add the sums of all tasks of the window that ends at ``end``."""
        if not rows:
            return
        day = self._open(end)
        day.until = max(day.until, end)
        number = day_of(end)
        for one in _united("country", rows):
            _put(day.countries, one)
        for one in _united("model", rows):
            if one.code and one.name:
                self._state.names[one.code] = (number, one.name)
            others = len(day.models) - (0 in day.models)
            if one.code in day.models or others < MOST_MODELS or not one.code:
                _put(day.models, one)
            else:
                day.beyond += one.sums
                self._limit_hits.inc()
        self._forget_names()

    def add_campaign(self, time: float, alert_id: str, known: Amounts, before: Amounts) -> None:
        """Add what the members of a campaign have sent since they were looked at last."""
        if known == before == Amounts():
            return
        day = self._open(time)
        new = CampaignDay(known, before)
        if alert_id in day.campaigns or len(day.campaigns) < MOST_CAMPAIGNS:
            day.campaigns[alert_id] = _both(day.campaigns.get(alert_id, CampaignDay()), new)
        else:
            day.other_campaigns = _both(day.other_campaigns, new)
            self._limit_hits.inc()

    def model_name(self, code: int) -> str:
        """Return the name of a model; empty when it is unknown."""
        return self._state.names.get(code, (0, ""))[1]

    # -- what is written ----------------------------------------------------------------------

    def advance(self, time: float) -> None:
        """Write what has changed if an hour has ended: nothing comes any more up to ``time``."""
        if np.isfinite(time):
            self._write(int(np.floor(time / _WRITTEN_EVERY_S)))

    def _write(self, hour: int) -> None:
        """Write what has changed before an hour, given as hours since the epoch."""
        state = self._state
        if hour <= state.hour:
            return
        state.hour, self._dirty = hour, True
        for number in sorted(state.changed):
            self._records.append(_record(number, state.days[number]))
            state.oldest = number if state.oldest is None else min(number, state.oldest)
        state.changed = set()
        newest = hour * int(_WRITTEN_EVERY_S) // 86_400
        for number in [old for old in state.days if old <= newest - _OPEN_DAYS]:
            del state.days[number]
        self._delete(newest - self._keep_days)

    def take(self) -> list[tuple[bytes, bytes | None]]:
        """Return the records since the last call; None deletes."""
        records, self._records = self._records, []
        return records

    def _delete(self, before: int) -> None:
        oldest = self._state.oldest
        if oldest is None or oldest >= before:
            return
        until = min(before, oldest + _MOST_DELETED)
        self._records += [(day_name(day).encode(), None) for day in range(oldest, until)]
        self._state.oldest = until

    def _open(self, time: float) -> _Day:
        """Return the day at ``time``; anything before its hour is written first.

        So each record has all up to the end of an hour and nothing later, however often
        :meth:`advance` is called.
        """
        self._write(int(np.ceil(time / _WRITTEN_EVERY_S)) - 1)
        number = day_of(time)
        self._state.changed.add(number)
        self._dirty = True
        return self._state.days.setdefault(number, _Day())

    def _forget_names(self) -> None:
        names = self._state.names
        if len(names) > MOST_NAMES:
            kept = sorted(names, key=lambda code: (-names[code][0], code))[: MOST_NAMES // 2]
            self._state.names = {code: names[code] for code in kept}

    # -- durable row --------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes | None]]:
        """Return the row if it changed since the last call."""
        if not self._dirty:
            return []
        self._dirty = False
        return [(_LEDGER, msgspec.msgpack.encode(self._state))]

    def load(self, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Take over a stored row."""
        for key, row in rows:
            if key == _LEDGER and row is not None:
                self._state = msgspec.msgpack.decode(row, type=_State)

    def loaded(self) -> None:
        """Do nothing: the row is the whole state."""


class _United(msgspec.Struct):
    code: int
    name: str
    accounts: int
    sums: Amounts


def _united(by: GroupedBy, rows: Sequence[EgressSum]) -> list[_United]:
    """Return the sums over tasks, those with the most output first.

    Which models of a day have sums of their own depends on neither tasks nor their order.
    """
    found: defaultdict[int, list[EgressSum]] = defaultdict(list)
    for one in rows:
        if one.by == by:
            found[one.code].append(one)
    united = []
    for code, some in found.items():
        counts = rows_of(COUNTS, (one.counts for one in some))
        sums = Amounts(*(int(counts[name].sum()) for name in COUNTS.names or ()))
        bits = int(np.bitwise_or.reduce(np.array([one.accounts for one in some], np.uint64)))
        united.append(_United(code, max(one.name for one in some), bits, sums))
    return sorted(united, key=lambda one: (-one.sums.output_tokens, one.name, one.code))


def _put(groups: dict[int, _Group], new: _United) -> None:
    known = groups.setdefault(new.code, _Group(new.name))
    known.accounts |= new.accounts
    known.sums += new.sums
    known.name = known.name or new.name


def _both(one: CampaignDay, other: CampaignDay) -> CampaignDay:
    return CampaignDay(one.known + other.known, one.before + other.before)


def _record(number: int, day: _Day) -> tuple[bytes, bytes]:
    countries, other_countries = _shown(day.countries)
    models, other_models = _shown(day.models)
    written = LedgerDay(
        day=day_name(number),
        until=day.until or number * 86_400.0 + 1,
        countries=countries,
        other_countries=other_countries,
        models=models,
        other_models=other_models + day.beyond,
        campaigns=day.campaigns,
        other_campaigns=day.other_campaigns,
    )
    return written.key, encode(written)


def _shown(groups: dict[int, _Group]) -> tuple[dict[str, Amounts], Amounts]:
    """Return the groups of enough accounts, and the sum of the others; "" is no group."""
    shown: dict[str, Amounts] = {}
    other = Amounts()
    for group in groups.values():
        if not group.name or group.accounts.bit_count() >= SMALLEST_GROUP:
            shown[group.name] = shown.get(group.name, Amounts()) + group.sums
        else:
            other += group.sums
    return shown, other
