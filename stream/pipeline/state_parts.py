"""The parts of stored state: what can be lost and learnt again without the others.

``version`` is raised whenever stored rows of a part change their form or their meaning; then
:mod:`stream.pipeline.migrations` needs a migration from the version before, and the table in
``docs/upgrades.md`` the new number. tests/unit/pipeline/test_frozen_state.py holds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The record with offsets and watermarks that completes a checkpoint: without it nothing is usable.
CHECKPOINT: Final = "checkpoint"


class StatePart(NamedTuple):
    """``prefixes`` are the first bytes of the keys of its rows, one byte each."""

    name: str
    version: int
    prefixes: bytes
    learnt_again: str  # for people: what, and how long that takes


#: By stage, in the order in which they are loaded.
PARTS: Final[Mapping[str, tuple[StatePart, ...]]] = {
    "accounts": (
        StatePart(
            "windows",
            5,
            b"abt",
            "the traffic of each account within a day, its own past within two weeks",
        ),
        StatePart(
            "request_ids",
            5,
            b"d",
            "which calls were counted: at once, but a call that is logged again counts twice",
        ),
    ),
    "links": (
        StatePart("links", 6, b"av", "which accounts share a value, with their next requests"),
    ),
    "alerting": (
        StatePart(
            "account_scores",
            5,
            b"o",
            "the state of each account, with its next requests",
        ),
        StatePart(
            "population_model",
            5,
            b"m",
            "what is usual, within detection.warm_up_s (six hours by default); until then no "
            "account is scored on its own",
        ),
        StatePart("topics", 5, b"pt", "topics and who lives in them, within two days"),
        StatePart("cluster_links", 6, b"av", "links of accounts, with their next requests"),
        StatePart("scoring_clock", 5, b"k", "when clusters are due, with the next link"),
        StatePart("clusters", 5, b"c", "clusters, at the next scoring, under new campaign ids"),
        StatePart("successions", 5, b"y", "who takes over from silent accounts, within a day"),
        StatePart("contexts", 5, b"x", "who sends context of others, within hours"),
        StatePart("group_novelty", 5, b"u", "what harmless groups look like, within ten hours"),
        StatePart("verdicts", 5, b"j", "nothing: give the verdicts on open incidents once more"),
        StatePart(
            "suppressions", 5, b"s", "nothing: write suppressions that still count once more"
        ),
        StatePart("incidents", 5, b"i", "incidents, as new ones, at the next scoring"),
        StatePart("ledger", 5, b"e", "the sums of the current day, from now on"),
    ),
}

#: All names, for the labels of a metric.
NAMES: Final = (CHECKPOINT, *(part.name for parts in PARTS.values() for part in parts))
