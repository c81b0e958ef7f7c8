"""What the members of a campaign did, each since its own first evidence; nothing twice.

Counters of accounts come in again and again, by one link or by many: what they have grown by is
counted, so it does not matter how a member is linked, whether a link expires, or how often two
incidents become one. A tally has a row for each member, in the order of the incident's members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from stream.core.findings import Observed
from stream.core.traffic import COUNTS, counts, matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.core.batch import Array

#: A member: since when its counters run (NaN: never reported), what they were last, and how much
#: of them is counted; its main model and country.
TALLY: Final = np.dtype(
    [("since", "<f8"), ("latest", COUNTS), ("counted", COUNTS), ("place", "<u8")]
)
ROW_BYTES: Final = TALLY.itemsize
_HOUR_S: Final = 3600.0


def unpacked(packed: bytes) -> Array:
    """Return the rows of a stored tally, shape ``(n,)``."""
    return np.frombuffer(packed, TALLY)


def united(
    names: Sequence[str],
    one: tuple[Sequence[str], Array],
    other: tuple[Sequence[str], Array] = ((), np.zeros(0, TALLY)),
) -> Array:
    """Return the tally of ``names``, of two tallies with their members; new names begin at 0."""
    rows = np.zeros(len(names), TALLY)
    rows["since"] = np.nan
    place = {name: i for i, name in enumerate(names)}
    for members, tally in (one, other):
        known = [(place[name], i) for i, name in enumerate(members) if name in place]
        if known:
            at, of = np.array(known).T
            rows[at] = _later(rows[at], tally[of])
    return rows


def more(rows: Array, reports: Array) -> Array:
    """Return a tally with what was reported since, a row of MEMBER_TRAFFIC for each of its rows.

    Counters that run from a later time are of an account that was forgotten in between.
    """
    traffic = reports["traffic"]
    since, total, before = traffic["since"], matrix(traffic["total"]), matrix(reports["before"])
    latest, counted = matrix(rows["latest"]), matrix(rows["counted"])
    new, restarted = np.isnan(rows["since"]), since > rows["since"]
    grown = np.where(restarted[:, None], total, np.maximum(total - latest, 0))
    counted = np.maximum(np.where(new[:, None], 0, counted + grown), total - before)
    result = np.empty(len(rows), TALLY)
    result["since"] = np.fmax(rows["since"], since)
    result["latest"] = counts(np.where(restarted[:, None], total, np.maximum(total, latest)))
    result["counted"] = counts(counted)
    result["place"] = traffic["place"]
    return result


def observed(rows: Array, reports: Array, time: float) -> Observed:
    """Return the sums of a tally, and those of ``reports`` for the hour before ``time``.

    A member's last request was at its last report; those of the hour before that are taken to be
    spread evenly. The hour never exceeds the sum.
    """
    requests, received, sent, reasoning = matrix(rows["counted"]).sum(axis=0).tolist()
    hour = reports["traffic"]["hour_requests"].astype(np.float64)
    left = 1 - (time - reports["traffic"]["seen"]) / _HOUR_S
    recent = np.where(left > 0, 1 + (hour - 1) * np.clip(left, 0, 1), 0) / np.maximum(hour, 1)

    def last_hour(name: str, most: int) -> int:
        return min(int((recent * reports["traffic"][f"hour_{name}"]).sum().round()), most)

    return Observed(
        requests=requests,
        input_tokens=received,
        output_tokens=sent,
        reasoning_tokens=reasoning,
        requests_last_hour=last_hour("requests", requests),
        output_tokens_last_hour=last_hour("output_tokens", sent),
    )


def greater(one: Observed, now: Observed) -> Observed:
    """Return the maximum of all sums: what was observed once stays so; the hour is that of now."""
    return msgspec.structs.replace(
        now,
        requests=max(one.requests, now.requests),
        input_tokens=max(one.input_tokens, now.input_tokens),
        output_tokens=max(one.output_tokens, now.output_tokens),
        reasoning_tokens=max(one.reasoning_tokens, now.reasoning_tokens),
    )


def _later(mine: Array, theirs: Array) -> Array:
    """Return the union of two tallies of the same accounts."""
    counters = [matrix(rows["latest"]) for rows in (mine, theirs)]
    latest = np.maximum(*counters)
    same = (mine["since"] == theirs["since"])[:, None]
    counted = np.maximum(
        *(
            matrix(rows["counted"]) + np.where(same, latest - own, 0)
            for rows, own in zip((mine, theirs), counters, strict=True)
        )
    )
    newer = np.isnan(mine["since"]) | (theirs["since"] > mine["since"])
    result = np.where(newer, theirs, mine)
    result["latest"] = np.where(same[:, 0], counts(latest), result["latest"])
    result["counted"] = counts(counted)
    return result
