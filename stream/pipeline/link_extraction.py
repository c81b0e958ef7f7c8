"""The indicators that the accounts of a window used: one row per account, kind and value.

Aggregating here, behind the accounts stage, makes the input of the links stage small and
exactly-once: a window that is sent again is recognised by its task and time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from stream.accounts.windows.account_windows import METRICS
from stream.accounts.windows.crowded import is_crowded
from stream.accounts.windows.questions import given
from stream.core.batch import optional_columns
from stream.core.events import PHRASES, PREVIOUS, EventBatch
from stream.core.links import (
    GIVEN,
    LINK_COLUMNS,
    LinkBatch,
    LinkKind,
    client_value,
    half_days,
)
from stream.core.networks import ANONYMISER, HOSTING
from stream.core.traffic import NAMES, TRAFFIC, counts
from stream.pipeline.two_salts import previous_organization, under_both, under_previous
from stream.store.order import lexical, run_sizes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stream.accounts.windows.account_windows import AccountWindows, WindowRows
    from stream.campaigns.types import Records
    from stream.core.batch import (
        AccountSlots,
        Array,
        Counts,
        Fingerprints,
        Floats,
        Mask,
        Positions,
        Seconds,
    )
    from stream.store.account_table import AccountTable

#: Phrases of an account and day that are kept, a sample by value, so that all accounts keep the
#: same. Assumed: enough for co-occurrence. With fewer requests than the second none are kept.
_PHRASES_A_DAY: Final = 200
_LEAST_REQUESTS: Final = 3
#: Networks of an account from which they link it. Assumed: fewer are a home and an office, and
#: members of a campaign who share a pool of exits soon have used several.
LEAST_NETWORKS: Final = 2.5
_VALUES: Final = 2.0**64
_OF_HOUR: Final = [METRICS.index("requests"), METRICS.index("output_tokens")]
_MOST_AN_HOUR: Final = 2.0**32 - 1  # that the column holds
_OF_ROWS: Final = (
    *(
        "system_prompt",
        "template",
        "payment",
        "organization",
        "address",
        "network",
        "hosting",
        "tls",
    ),
    *("user_agent", "indicator", *PHRASES),
    *NAMES[1:],
)


@dataclass(frozen=True, slots=True)
class WindowSnapshot:
    """The events of a window, and the state of its n accounts at its end."""

    rows: WindowRows
    first_seen: Seconds  # (n,)
    created_at: Seconds  # (n,)
    total: Counts  # (n, 4), all that the account has done
    place: Fingerprints  # (n,), main model and country
    hour: Floats  # (n, 2), requests and output tokens of the last hour
    day_requests: Floats  # (n,)
    active_hours: Counts  # (n,)
    networks: Floats  # (n,), distinct ones of the last one to two days, estimated
    crowded: Mask  # (n,), whether many people use it
    change_point: Seconds  # (n,), epoch seconds, NaN: none
    new_answer_tokens: Floats  # (n,), least output tokens of an answer after it
    foreign: Fingerprints  # (rows,), conversations that are not the account's own
    given: Fingerprints  # (rows,), those that its answers begin

    @classmethod
    def at(
        cls,
        rows: WindowRows,
        windows: AccountWindows,
        table: AccountTable,
        slots: AccountSlots,
        change_points: tuple[Seconds, Floats] | None = None,
        day: Floats | None = None,
    ) -> WindowSnapshot:
        """Return the state of ``slots``, those of ``rows.accounts``, before the next window.

        ``change_points`` are those of :meth:`ChangePoints.of`, unless accounts are not scored;
        ``day`` their requests of the last day, if known already.
        """
        at, least = change_points or (np.full(len(slots), np.nan), np.full(len(slots), np.inf))
        columns, at_rows = rows.columns, rows.at
        day = windows.requests("day", slots, rows.time) if day is None else day
        foreign = windows.questions.foreign(slots, columns, at_rows, day)
        if (name := PREVIOUS["conversation"]) in columns:
            # An account may have begun it under the previous salt.
            previous = np.where(columns[name], columns[name], columns["conversation"])
            under_it = {**columns, "conversation": previous}
            foreign &= windows.questions.foreign(slots, under_it, at_rows, day)
        networks = windows.networks(slots, rows.time)
        return cls(
            rows=rows,
            first_seen=table["first_seen"][slots],
            created_at=table["created_at"][slots],
            total=windows.total(slots),
            place=windows.place.of(slots),
            hour=windows.totals("hour", slots, rows.time)[:, _OF_HOUR],
            day_requests=day,
            active_hours=windows.active_hours(slots, rows.time),
            networks=networks,
            crowded=is_crowded(windows, slots, rows.time, networks, day),
            change_point=at,
            new_answer_tokens=least,
            foreign=np.where(foreign, columns["conversation"], np.uint64(0)),
            given=np.where(given(columns, at_rows, day), columns["answer"], np.uint64(0)),
        )


_KNOWN: Final = tuple(name for name in WindowSnapshot.__slots__ if name != "rows")


def links_of(snapshots: Sequence[WindowSnapshot]) -> LinkBatch:
    """Return the links of windows, in the order of ``snapshots``.

    Many windows at once cost hardly more than one: most of them have few rows.
    """
    starts = np.cumsum([0, *(len(one.rows.columns["time"]) for one in snapshots)])
    parts_of_rows = [one.rows.columns for one in snapshots]
    rows = {n: np.concatenate([part[n] for part in parts_of_rows]) for n in _OF_ROWS}
    previous = optional_columns(parts_of_rows, EventBatch.OPTIONAL)
    known = {n: np.concatenate([getattr(one, n) for one in snapshots]) for n in _KNOWN}
    at = np.concatenate([one.rows.at + s for one, s in zip(snapshots, starts, strict=False)])
    window = np.repeat(np.arange(len(snapshots)), [len(one.rows.at) for one in snapshots])
    time = np.array([one.rows.time for one in snapshots])[window]
    # An account of a window; the same account in another window is another one here.
    sizes = run_sizes(at, int(starts[-1]))
    account = np.repeat(np.arange(len(at), dtype=np.uint32), sizes)
    values = _values(rows, known, account)
    if previous:
        old = _values(*under_previous(rows, known, previous), account)
        parts = [
            _per_value(one.kind, account[one.rows], one.values, one.successor, given=one.given)
            for one in under_both(values, old, previous)
        ]
    else:
        parts = [_per_value(kind, account, of, given=given) for kind, of, given in values]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(window[columns["account"]], kind="stable")
    columns = {name: column[order] for name, column in columns.items()}
    who = columns["account"]
    traffic, before = traffic_of(rows, known, at, sizes, time)
    # Rows of several fields: taking them is many times as fast as indexing them.
    columns["traffic"], columns["before"] = traffic.take(who), before.take(who)
    columns["organization"] = organization_of(rows["organization"], at)[who]
    if previous:
        columns["previous_organization"] = previous_organization(rows, previous, at)[who]
    for name in ("created_at", "first_seen", "day_requests", "active_hours"):
        columns[name] = known[name][who]
    columns["time"] = time[who]
    names, code = _codes([name for one in snapshots for name in one.rows.accounts])
    columns["account"] = code[who]
    return LinkBatch(
        names,
        {
            name: columns[name].astype(dtype, copy=False)
            for name, dtype in {**LINK_COLUMNS, **LinkBatch.OPTIONAL}.items()
            if name in columns
        },
    )


def _codes(names: list[str]) -> tuple[list[str], Positions]:
    """Return the distinct names in ascending order, and which of them each one is, ``(n,)``."""
    distinct = sorted(dict.fromkeys(names))
    code = dict(zip(distinct, range(len(distinct)), strict=True))
    return distinct, np.fromiter(map(code.__getitem__, names), np.int64, len(names))


def _values(
    rows: Mapping[str, Array], known: Mapping[str, Array], account: Positions
) -> Iterator[tuple[LinkKind, Fingerprints, bool]]:
    """Yield the indicators of each kind, one for each row; 0: none; True: with GIVEN."""
    limit = _phrase_limit(known["day_requests"])[account]
    yield LinkKind.SYSTEM_PROMPT, rows["system_prompt"], False
    yield LinkKind.TEMPLATE, rows["template"], False
    yield LinkKind.PAYMENT, rows["payment"], False
    yield LinkKind.ADDRESS, rows["address"], False
    several = known["networks"] >= LEAST_NETWORKS
    if several.any():
        # Unrelated accounts share the networks of clouds and VPNs, which databases know.
        linking = several[account] & (rows["hosting"] & (HOSTING | ANONYMISER) == 0)
        yield LinkKind.NETWORK, np.where(linking, rows["network"], np.uint64(0)), False
    if known["crowded"].any():
        # Machines are no people; the account began on these days.
        linking = known["crowded"][account] & (rows["hosting"] & (HOSTING | ANONYMISER) == 0)
        for day in half_days(known["first_seen"][account]):
            yield LinkKind.CUSTOMERS, np.where(linking, day, np.uint64(0)), False
    yield LinkKind.CLIENT, client_value(rows["tls"], rows["user_agent"]), False
    for name in PHRASES:
        yield LinkKind.PHRASE, np.where(rows[name] < limit, rows[name], 0), False
    yield LinkKind.CONVERSATION, known["foreign"], False
    if rows["indicator"].any():
        yield LinkKind.INDICATOR, rows["indicator"], False
    if not np.isnan(known["change_point"]).all():
        for values in _change_points(rows, known, account):
            yield LinkKind.CHANGE_POINT, values, False
    yield LinkKind.CONVERSATION, known["given"], True


def traffic_of(
    rows: Mapping[str, Array],
    known: Mapping[str, Array],
    at: Positions,
    sizes: Counts,
    time: Seconds,
) -> tuple[Records, Records]:
    """Return each account's TRAFFIC at the end of its window, and COUNTS before it, ``(n,)``."""
    hour = np.minimum(known["hour"], _MOST_AN_HOUR)
    traffic = np.empty(len(at), TRAFFIC)
    traffic["since"], traffic["seen"] = known["first_seen"], time
    traffic["total"], traffic["place"] = counts(known["total"]), known["place"]
    traffic["hour_requests"] = hour[:, 0]
    traffic["hour_output_tokens"] = hour[:, 1]
    tokens = (np.add.reduceat(rows[name], at, dtype=np.int64) for name in NAMES[1:])
    return traffic, counts(known["total"] - np.stack([sizes, *tokens], axis=1))


def organization_of(organization: Fingerprints, at: Positions) -> Fingerprints:
    """Return each account's organization in a window, 0 when unknown, shape ``(accounts,)``, u8.

    The largest fingerprint counts where there are several, so the order of events does not matter.
    """
    return np.asarray(np.maximum.reduceat(organization, at))


def _phrase_limit(day: Floats) -> Floats:
    """Return the limit below which phrases are kept, by the accounts' requests of a day."""
    share = np.minimum(_PHRASES_A_DAY / (len(PHRASES) * np.maximum(day, 1)), 1)
    return np.asarray(np.where(day >= _LEAST_REQUESTS, share * _VALUES, 0))


def _change_points(
    rows: Mapping[str, Array], known: Mapping[str, Array], account: Positions
) -> Iterator[Fingerprints]:
    """Yield two values for each answer that is new since the account's change point, else 0.

    They are the days of the change point, from midnight and from noon: accounts that changed
    within twelve hours of one another have one of them in common.
    """
    at, least = known["change_point"][account], known["new_answer_tokens"][account]
    new = rows["output_tokens"] >= least
    for day in half_days(np.nan_to_num(at)):
        yield np.where(new, day, np.uint64(0))


def _per_value(
    kind: LinkKind,
    account: Positions,
    values: Fingerprints,
    successor: Fingerprints | None = None,
    *,
    given: bool,
) -> dict[str, Any]:
    """Return a link for each account and value; a successor is one only if all rows have it."""
    present = np.flatnonzero(values)
    present = present[lexical(account[present], values[present])]
    who, value = account[present], values[present]
    new = np.ones(len(present), bool)
    new[1:] = (who[1:] != who[:-1]) | (value[1:] != value[:-1])
    at = np.flatnonzero(new)
    found = {
        "account": who[at],
        "kind": np.full(len(at), int(kind)),
        "value": value[at],
        "requests": run_sizes(at, len(present)) + (GIVEN if given else 0),
    }
    if successor is not None:
        found["successor"] = (
            np.minimum.reduceat(successor[present], at) if len(at) else successor[:0]
        )
    return found
