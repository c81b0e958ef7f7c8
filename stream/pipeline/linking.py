"""Which linking values the accounts of a step used: one row per account, kind and value.

Aggregating here, behind the accounts stage, makes the campaigns' input small and exactly-once:
a re-sent step is recognised by its lane and time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from stream.features.reading import DAY_S
from stream.types.events import PHRASES
from stream.types.links import LINK_COLUMNS, SPREAD, LinkBatch, LinkKind
from stream.types.traffic import TRAFFIC, counts
from stream.windows.account_windows import METRICS
from stream.windows.order import lexical

if TYPE_CHECKING:
    from stream.types.events import Array
    from stream.windows.account_windows import AccountWindows, StepRows
    from stream.windows.table import SlotTable

#: Phrases of an account and day that are enough to tell whom it meets: of more a sample is kept,
#: the same everywhere, for it is by value. Whoever asks less often than this meets nobody yet.
_PHRASES_A_DAY: Final = 200
_LEAST_REQUESTS: Final = 3
_VALUES: Final = 2.0**64
_OF_HOUR: Final = [METRICS.index("requests"), METRICS.index("output_tokens")]
_MOST_AN_HOUR: Final = 2.0**32 - 1  # that the column holds


def links(
    rows: StepRows,
    windows: AccountWindows,
    table: SlotTable,
    slots: Array,
    turned: tuple[Array, Array] | None = None,
    hour: Array | None = None,
) -> LinkBatch:
    """Return the links of a step; ``slots`` are those of ``rows.accounts``.

    ``turned`` is what :meth:`Turns.of` says of them, where accounts are judged; ``hour`` are their
    requests and output tokens of the last hour, shape ``(n, 2)``, where these are known already.
    """
    sizes = np.diff(rows.at, append=len(rows.columns["time"]))
    account = np.repeat(np.arange(len(rows.at), dtype=np.uint32), sizes)
    day = windows.requests("day", slots, rows.time)
    limit = _phrase_limit(day)[account]
    parts = [
        _per_value(kind, account, values)
        for kind, values in (
            (LinkKind.SYSTEM_PROMPT, rows.columns["system_prompt"]),
            (LinkKind.TEMPLATE, rows.columns["template"]),
            (LinkKind.PAYMENT, rows.columns["payment"]),
            (LinkKind.ADDRESS, rows.columns["address"]),
            (LinkKind.CLIENT, _client(rows.columns["tls"], rows.columns["user_agent"])),
            *(
                (LinkKind.PHRASE, np.where(rows.columns[name] < limit, rows.columns[name], 0))
                for name in PHRASES
            ),
            *((LinkKind.TURN, values) for values in _turns(rows, account, turned)),
        )
    ]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    who = columns["account"]
    columns["time"] = np.full(len(who), rows.time)
    traffic, before = _traffic(rows, windows, table, slots, hour)
    # Rows of several fields: taking them is many times as fast as indexing them.
    columns["traffic"], columns["before"] = traffic.take(who), before.take(who)
    columns["created_at"] = table["created_at"][slots][who]
    columns["day_requests"] = day[who]
    columns["active_hours"] = windows.active_hours(slots, rows.time)[who]
    return LinkBatch(
        rows.accounts,
        {name: columns[name].astype(dtype, copy=False) for name, dtype in LINK_COLUMNS.items()},
    )


def _traffic(
    rows: StepRows, windows: AccountWindows, table: SlotTable, slots: Array, hour: Array | None
) -> tuple[Array, Array]:
    """Return TRAFFIC of each account at the end of the step, and its COUNTS before it, ``(n,)``."""
    total = windows.total(slots)
    if hour is None:
        hour = windows.totals("hour", slots, rows.time)[:, _OF_HOUR]
    hour = np.minimum(hour, _MOST_AN_HOUR)
    traffic = np.empty(len(slots), TRAFFIC)
    traffic["since"], traffic["seen"] = table["first_seen"][slots], rows.time
    traffic["total"] = counts(total)
    traffic["hour_requests"] = hour[:, 0]
    traffic["hour_output_tokens"] = hour[:, 1]
    sizes = np.diff(rows.at, append=len(rows.columns["time"]))
    tokens = (
        np.add.reduceat(rows.columns[name], rows.at, dtype=np.int64)
        for name in ("input_tokens", "output_tokens")
    )
    return traffic, counts(total - np.stack([sizes, *tokens], axis=1))


def _phrase_limit(day: Array) -> Array:
    """Return below which value phrases are kept, by the accounts' requests of a day."""
    share = np.minimum(_PHRASES_A_DAY / (len(PHRASES) * np.maximum(day, 1)), 1)
    return np.asarray(np.where(day >= _LEAST_REQUESTS, share * _VALUES, 0))


def _turns(rows: StepRows, account: Array, turned: tuple[Array, Array] | None) -> list[Array]:
    """Return two values for each answer as it is since the account has turned, else 0.

    They are the days of the turn, from midnight and from noon: whoever turned within twelve hours
    of one another has one of them in common.
    """
    if turned is None or np.isnan(turned[0]).all():
        return []
    at, least = (of_account[account] for of_account in turned)
    new = rows.columns["output_tokens"] >= least
    half = (np.nan_to_num(at) // (DAY_S / 2)).astype(np.uint64)
    return [np.where(new, (half + np.uint64(later)) * SPREAD, np.uint64(0)) for later in (0, 1)]


def _client(tls: Array, user_agent: Array) -> Array:
    """Return one fingerprint for TLS fingerprint and user agent together; 0 without the former."""
    mixed = (tls * SPREAD) ^ user_agent
    return np.where(tls != 0, mixed, np.uint64(0))


def _per_value(kind: LinkKind, account: Array, values: Array) -> dict[str, Any]:
    present = np.flatnonzero(values)
    present = present[lexical(account[present], values[present])]
    who, value = account[present], values[present]
    new = np.ones(len(present), bool)
    new[1:] = (who[1:] != who[:-1]) | (value[1:] != value[:-1])
    at = np.flatnonzero(new)
    return {
        "account": who[at],
        "kind": np.full(len(at), int(kind)),
        "value": value[at],
        "requests": np.diff(at, append=len(present)),
    }
