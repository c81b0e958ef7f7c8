"""Rows of version 4 as rows of version 5: reasoning tokens are 0, main places unknown.

Frozen: what both versions looked like is written down here, so that it stays when the code changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from stream.core.before_reasoning import (
    COUNTS,
    COUNTS_NOW,
    COUNTS_THEN,
    OF_MEMBER,
    OF_TURNOVER,
    TRAFFIC,
    grown,
    grown_values,
)
from stream.store.layouts import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.core.before_reasoning import Pair
    from stream.store.durable import StateRows

_TALLY: Final[Pair] = (
    np.dtype([("since", "<f8"), ("latest", COUNTS_THEN), ("counted", COUNTS_THEN)]),
    np.dtype([("since", "<f8"), ("latest", COUNTS_NOW), ("counted", COUNTS_NOW), ("place", "<u8")]),
)


def _head(traffic: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(
        [
            ("organization", "<u8"),
            ("created_at", "<f8"),
            ("first_seen", "<f8"),
            ("day_requests", "<f8"),
            ("active_hours", "u1"),
            ("traffic", traffic),
            ("chunks", "<u4"),
        ]
    )


def _edge(counts: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(
        [
            ("kind", "u1"),
            ("value", "<u8"),
            ("since", "<f8"),
            ("last", "<f8"),
            ("requests", "<i8"),
            ("before", counts),
            ("fresh", "?"),
            ("unsent", "?"),
        ]
    )


def _topic(counts: int) -> np.dtype[Any]:
    return np.dtype(fields_of(f"prompts<f4 inside<f4 time<f8 since<f8 before<i8[{counts}]"))


_HEAD: Final[Pair] = (_head(TRAFFIC[0]), _head(TRAFFIC[1]))
_EDGE: Final[Pair] = (_edge(COUNTS[0]), _edge(COUNTS[1]))
_TOPICS: Final[Pair] = (_topic(3), _topic(4))
#: The fields of an account in version 4; ``{}`` is where version 5 has others.
_ACCOUNT: Final = """
first_seen<f8 last_seen<f8 created_at<f8 plan<u4 hours<u8 total<i8[{counts}] ring_hour<f4[3,6]
ring_day<f4[5,12] ring_week<f4[1,7] distinct_addresses<u8[2,1] distinct_user_agents<u8[2,1]
distinct_networks<u8[2,1] distinct_countries<u8[2,1] distinct_countries_hour<u8[2,1]
distinct_prompts<u8[2,4] leader_template<u8 leader_template_vote<f4 leader_template_count<f4
leader_template_total<f4 leader_system_prompt<u8 leader_system_prompt_vote<f4
leader_system_prompt_count<f4 leader_system_prompt_total<f4 gap_n<f4 gap_sum<f4 gap_square<f4
temperature_n<f4 temperature_sum<f4 max_tokens_n<f4 max_tokens_sum<f4 hosted_browser_n<f4
hosted_browser_sum<f4 content_n<f4 content_time<f4 content_count<f4 content_recent<f4[16]
content_past<f4[16] content_input<f4[16] content_output<f4[16] content_input_mean<f4
content_output_mean<f4 content_moved_since<f8 questions<u4[32] questions_next|u1
turn_tokens<u4[8] turn_next|u1 contexts<f4[2] context_time<f8 {place} next_observed<f8
account_state|u1 excluded_until<f8 base_time<f8 base_hours<f4 base_mean<f4[7] base_var<f4[7]
change_point<f8 new_answer_tokens<f4 prompt_hour<i4 turnover_due<f8 silent|b1 organization<u8
{egress}
"""
_ACCOUNTS: Final[Pair] = (
    np.dtype(fields_of(_ACCOUNT.format(counts=3, place="", egress=""))),
    np.dtype(
        fields_of(_ACCOUNT.format(counts=4, place="place<u8 place_lead<f8", egress="egress_bit|u1"))
    ),
)


def windows(rows: StateRows) -> StateRows:
    """Migrate the accounts stage: fields of accounts were added."""
    return _each(rows, b"a", lambda found: grown(found, _ACCOUNTS))


def topics(rows: StateRows) -> StateRows:
    """Migrate light accounts that live in a topic."""
    return _each(rows, b"p", lambda found: grown(found, _TOPICS))


def links(rows: StateRows) -> StateRows:
    """Migrate accounts with their links: a head in the first chunk of an account, then edges."""
    there = [(key, row) for key, row in rows if key[:1] == b"a" and row is not None]
    size = _HEAD[0].itemsize
    heads = [row[:size] if key[1:3] == b"\0\0" else b"" for key, row in there]
    edges = [row[len(head) :] for (_, row), head in zip(there, heads, strict=True)]
    both = zip(grown(heads, _HEAD), grown(edges, _EDGE), strict=True)
    chunks = iter([head + edge for head, edge in both])
    return [
        (key, next(chunks) if key[:1] == b"a" and row is not None else row) for key, row in rows
    ]


def successions(rows: StateRows) -> StateRows:
    """Migrate turnovers."""
    return _each(rows, b"yt", lambda found: [*map(_turnover, found)])


def contexts(rows: StateRows) -> StateRows:
    """Migrate who sends context of others: a member beside its matches."""

    def taker(row: bytes) -> bytes:
        member, matches = msgspec.msgpack.decode(row)
        return msgspec.msgpack.encode((grown_values(member, OF_MEMBER), matches))

    return _each(rows, b"xa", lambda found: [*map(taker, found)])


def incidents(rows: StateRows) -> StateRows:
    """Migrate the counters of members; fields that are not there have a default."""

    def incident(row: bytes) -> bytes:
        stored = msgspec.msgpack.decode(row)
        if "tally" in stored:
            (stored["tally"],) = grown([stored["tally"]], _TALLY)
        return msgspec.msgpack.encode(stored)

    return _each(rows, b"i", lambda found: [*map(incident, found)])


def _each(
    rows: StateRows, prefix: bytes, migrate: Callable[[list[bytes]], list[bytes]]
) -> StateRows:
    """Migrate the rows with a prefix, all at once."""
    grown = iter(migrate([row for key, row in rows if row is not None and key.startswith(prefix)]))
    return [
        (key, next(grown) if row is not None and key.startswith(prefix) else row)
        for key, row in rows
    ]


def _turnover(row: bytes) -> bytes:
    return msgspec.msgpack.encode(grown_values(msgspec.msgpack.decode(row), OF_TURNOVER))
