"""Links under the previous salt beside those under the new one, while ``intake.salt`` is replaced.

The previous fingerprint of a value has its history: that one continues, with the new fingerprint as
its successor. The new one is learnt meanwhile (:class:`~stream.core.links.LinkBatch`
has what its columns mean). Rows without previous columns are of a worker that does not have the new
setting yet, or not any more: their links are ordinary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from stream.core.batch import Fingerprints
from stream.core.events import PREVIOUS
from stream.core.links import LinkKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from stream.core.batch import Array, Positions

#: Days and indicators of other operators: no salt is in them.
_UNSALTED: Final = (LinkKind.CHANGE_POINT, LinkKind.CUSTOMERS, LinkKind.INDICATOR)
_NONE: Final = np.uint64(0)


#: Kind, its indicators, one for each row, and whether they are of answers given.
Values = tuple[LinkKind, Fingerprints, bool]


class SaltedValues(NamedTuple):
    """Indicators of one kind under one salt, and their successors, for some of the rows."""

    kind: LinkKind
    rows: Positions
    values: Fingerprints
    successor: Fingerprints
    given: bool


def under_previous(
    rows: Mapping[str, Array], known: Mapping[str, Array], previous: Mapping[str, Array]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return rows, and facts about them, under the previous salt; 0 where it has no value."""
    found = {**rows, **{name: previous[PREVIOUS[name]] for name in PREVIOUS if name in rows}}
    conversations = {
        "foreign": np.where(known["foreign"], previous[PREVIOUS["conversation"]], _NONE),
        "given": np.where(known["given"], previous[PREVIOUS["answer"]], _NONE),
    }
    return found, {**known, **conversations}


def under_both(
    new: Iterable[Values], old: Iterable[Values], previous: Mapping[str, Array]
) -> Iterator[SaltedValues]:
    """Yield the indicators under both salts, given in the same order, one for each row.

    ``old`` are those of the rows under the previous salt, ``previous`` the columns of fingerprints
    under it.
    """
    has_previous = np.logical_or.reduce([column != 0 for column in previous.values()])
    every, both = np.arange(len(has_previous)), np.flatnonzero(has_previous)
    for (kind, values, given), (_, old_values, _) in zip(new, old, strict=True):
        if kind in _UNSALTED:
            yield SaltedValues(kind, every, values, np.zeros_like(values), given)
            continue
        # One call for both, as a link is only learnt from if all of its rows are.
        successor = np.where(has_previous, values, _NONE)
        yield SaltedValues(kind, every, values, successor, given)
        # Which phrases of a prompt are kept is keyed, too: one has no successor.
        named = np.zeros_like(values) if kind == LinkKind.PHRASE else values
        yield SaltedValues(kind, both, old_values[both], named[both], given)


def previous_organization(
    rows: Mapping[str, Array], previous: Mapping[str, Array], at: Positions
) -> Fingerprints:
    """Return each account's organization under the previous salt, 0 for none, ``(accounts,)``."""
    organization = rows["organization"]
    sizes = np.diff(np.append(at, len(organization)))
    chosen = np.repeat(np.maximum.reduceat(organization, at), sizes)
    old = np.where(organization == chosen, previous[PREVIOUS["organization"]], _NONE)
    return np.asarray(np.maximum.reduceat(old, at))
