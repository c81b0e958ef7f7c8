"""Finds records of a call that was counted before, by request id, in bounded memory.

Gateways log one call twice: callbacks fire twice, delivery is at least once, two spans describe one
call. A row is a *copy* of a counted row when

* account and request id agree (one keyed fingerprint of both), and their event times are at most
  the window apart;
* it has no new values: each of :data:`COMPARED` is absent or equal to that of the counted row.

So a copy takes no tokens and no prompt away. Some gateways take the request id from a header of the
client, who may send one id with every request: rows that differ count. Among equal rows with other
times at most :data:`MOST_COPIES` of an id and a window are copies.

Works on whole windows, so that the result depends on the events alone and not on their order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from stream.accounts.windows.request_ids import ROW, RequestIds
from stream.core.events import EVENT_COLUMNS, PHRASES, PREVIOUS, EventBatch
from stream.store.order import ascending

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.batch import Array, Fingerprints, Mask, Positions, Seconds

#: Columns that a copy repeats or leaves out.
COMPARED: Final = ("output_tokens", "input_tokens", "prompt")
#: An id with more calls in a duplicate window is not unique: the further ones count.
MOST_CALLS: Final = 8
#: Callbacks and spans of one call that have times of their own.
MOST_COPIES: Final = 3

#: Columns that the counted row takes from its copies if it has no value.
_FILLED: Final = tuple(
    name
    for name, dtype in EVENT_COLUMNS.items()
    if dtype == np.uint64 and name not in {"request_id", "prompt", "template", *PHRASES}
)
#: Decides between equal rows; every column that can be sorted.
_ORDERED: Final = tuple(
    name
    for name, dtype in EVENT_COLUMNS.items()
    if dtype.kind != "V" and name not in {"request_id", "time", "account", "offset"}
)


class CountedCalls(NamedTuple):
    """The rows that count, and how many were copies, or had a known id and other values."""

    rows: EventBatch
    copies: int
    reused: int


def calls(rows: EventBatch, end: float, known: RequestIds) -> CountedCalls:
    """Return the calls among the rows of the window that ends at ``end``; ``known`` learns them."""
    with_id = rows.columns["request_id"].nonzero()[0]
    if not known.duplicate_window_s or not len(with_id):
        return CountedCalls(rows, 0, 0)
    ids = rows.columns["request_id"][with_id]
    distinct, more_than_once = _distinct(ids)
    before = known.of(distinct, since=end - known.window_s - known.duplicate_window_s)
    if not len(before.which) and not len(more_than_once):
        known.add(end, _stored(rows.columns, with_id))
        return CountedCalls(rows, 0, 0)
    doubtful = np.isin(ids, np.append(distinct[before.which], more_than_once))
    place = with_id[doubtful]
    found = _classified(rows.columns, place, before.rows, known.duplicate_window_s)
    known.add(end, _stored(rows.columns, np.append(with_id[~doubtful], found.learnt)))
    if not len(found.copies):
        return CountedCalls(rows, 0, found.reused)
    kept = np.ones(len(rows), bool)
    kept[found.copies] = False
    filled = EventBatch(rows.accounts, _filled(rows.columns, found))
    return CountedCalls(filled.take(kept), len(found.copies), found.reused)


class _Found(NamedTuple):
    """Positions in the window's rows; ``of``: the row that each copy repeats, -1: earlier."""

    copies: Positions
    of: Positions
    learnt: Positions
    reused: int


def _classified(
    columns: Mapping[str, Array], place: Positions, counted: Array, duplicate_window_s: float
) -> _Found:
    """Classify the rows at ``place`` with those of their ids that were ``counted`` before."""
    both = {
        name: np.concatenate([counted[name], columns[name][place]])
        for name in ("request_id", "time", *COMPARED)
    }
    place = np.concatenate([np.full(len(counted), -1), place])
    order = _order(both, columns, place)
    both, place = {name: column[order] for name, column in both.items()}, place[order]
    index, is_new = np.arange(len(place)), place >= 0
    leader, open_ = np.full(len(place), -1), index
    for _ in range(MOST_CALLS):
        first = _first(both["request_id"], open_)
        same = (first != open_) & is_new[open_]
        same &= _has_nothing_new(both, first, open_, duplicate_window_s)
        leader[open_[same]] = first[same]
        leader[open_[first == open_]] = first[first == open_]
        open_ = open_[~same & (first != open_)]
        if not len(open_):
            break
    copy = is_new & (leader >= 0) & (leader != index)
    copy[_beyond(index[copy], leader, both["time"])] = False
    learnt = is_new & (leader == index)
    groups = len(ascending(both["request_id"])) - len(ascending(counted["request_id"]))
    return _Found(
        place[copy],
        place[leader[copy]],
        place[learnt],
        int(np.count_nonzero(is_new & ~copy)) - groups,
    )


def _order(both: Mapping[str, Array], columns: Mapping[str, Array], place: Positions) -> Positions:
    """Return the order by id: counted rows, then those with most values, then the earliest."""
    silent = sum((both[name] == 0).astype(np.int8) for name in COMPARED)
    # Every difference between two rows: which of them counts does not depend on their order.
    ties = [np.where(place >= 0, columns[name][place], 0) for name in _ORDERED]
    values = [both[name] for name in COMPARED]
    return np.lexsort((*ties, *values, both["time"], silent, place >= 0, both["request_id"]))


def _first(ids: Fingerprints, open_: Positions) -> Positions:
    """Return for each open row, sorted by id, the first open one of its id."""
    of = ids[open_]
    start = np.flatnonzero(np.append(True, of[1:] != of[:-1]))
    return np.repeat(open_[start], np.diff(np.append(start, len(open_))))


def _has_nothing_new(
    both: Mapping[str, Array], first: Positions, rows: Positions, duplicate_window_s: float
) -> Mask:
    near = np.abs(both["time"][rows] - both["time"][first]) <= duplicate_window_s
    for name in COMPARED:
        values = both[name][rows]
        near &= (values == 0) | (values == both[name][first])
    return np.asarray(near)


def _beyond(copies: Positions, leader: Positions, time: Seconds) -> Positions:
    """Return the copies of another time than what they are copies of, beyond the first few."""
    other = copies[time[copies] != time[leader[copies]]]
    other = other[np.argsort(leader[other], kind="stable")]
    of = leader[other]
    rank = np.arange(len(other)) - np.searchsorted(of, of)
    return np.asarray(other[rank >= MOST_COPIES])


def _distinct(ids: Fingerprints) -> tuple[Fingerprints, Fingerprints]:
    """Return the distinct ids, ascending, and those that come more than once."""
    ids = np.sort(ids)
    again = np.zeros(len(ids), bool)
    np.equal(ids[1:], ids[:-1], out=again[1:])
    return ids[~again], ids[again]


def _stored(columns: Mapping[str, Array], place: Positions) -> Array:
    rows = np.zeros(len(place), ROW)
    for name in ROW.names or ():
        rows[name] = columns[name][place]
    return rows


def _filled(columns: Mapping[str, Array], found: _Found) -> dict[str, Array]:
    """Return the columns with what counted rows lack and their copies have."""
    filled = dict(columns)
    here = found.of >= 0
    of, copies = found.of[here], found.copies[here]
    previous = (PREVIOUS[name] for name in _FILLED if name in PREVIOUS)
    for name in (*_FILLED, *(name for name in previous if name in columns)):
        lacking = columns[name][of] == 0
        if lacking.any():
            filled[name] = column = columns[name].copy()
            np.maximum.at(column, of[lacking], columns[name][copies[lacking]])
    return filled
