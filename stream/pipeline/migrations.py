"""All migrations of stored rows: ``(part, version) -> function`` to the rows of the next version.

A function takes rows of one part in the order they were written, None deletes, and returns them
with the same keys. It is pure. It builds on frozen layouts, never on those of the running code, and
it is kept as long as changelogs with its version may exist: rows that do not change are never
written again. It raises StateError, or anything that damaged bytes raise, for rows that it cannot
read: then their part is learnt again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from stream.pipeline import state_4, state_5

if TYPE_CHECKING:
    from stream.store.durable import StateRows

Migration = Callable[["StateRows"], "StateRows"]

#: The oldest version that is migrated; it was that of all parts together.
FIRST: Final = 4


def _unchanged(rows: StateRows) -> StateRows:
    return rows


#: What a version is called -> how its rows become those of the next one.
MIGRATIONS: Final[Mapping[tuple[str, int], Migration]] = {
    # 4 was before reasoning tokens, main places and the ledger.
    ("windows", 4): state_4.windows,
    ("request_ids", 4): _unchanged,
    ("links", 4): state_4.links,
    ("account_scores", 4): _unchanged,
    ("population_model", 4): _unchanged,
    ("topics", 4): state_4.topics,
    ("cluster_links", 4): state_4.links,
    ("scoring_clock", 4): _unchanged,
    ("clusters", 4): _unchanged,
    ("successions", 4): state_4.successions,
    ("contexts", 4): state_4.contexts,
    ("group_novelty", 4): _unchanged,
    ("verdicts", 4): _unchanged,
    ("suppressions", 4): _unchanged,
    ("incidents", 4): state_4.incidents,
    ("ledger", 4): _unchanged,
    # 5 was before rotations of intake.salt with an overlap.
    ("links", 5): state_5.links,
    ("cluster_links", 5): state_5.links,
}


def migrations(part: str, then: int, now: int) -> tuple[Migration, ...] | None:
    """Return the steps from one version of a part to another; None: there is no way."""
    if then < FIRST:  # a damaged one may be far below
        return None
    steps = [MIGRATIONS.get((part, version)) for version in range(then, now)]
    found = tuple(step for step in steps if step is not None)
    return found if steps and len(found) == len(steps) else None
