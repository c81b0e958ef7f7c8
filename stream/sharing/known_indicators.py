"""What an import does to the indicators that are known: which are written, and which removed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.core.indicators import ForeignIndicator

#: Kept after its end (assumed: requests of the last days may be read late, or once more).
_KEPT_S: Final = 7 * 86_400.0


def taken_in(
    found: Mapping[str, ForeignIndicator],
    known: Mapping[str, ForeignIndicator],
    *,
    most: int,
) -> tuple[list[ForeignIndicator], Counter[str]]:
    """Return the indicators to write beside the ``known`` ones, and why others are not written.

    Of one id the newest version counts, of the identity that made the first: no other can change
    or revoke it. What we have withdrawn stays withdrawn. ``most`` is of those that are in force.
    """
    left_out: Counter[str] = Counter()
    written = []
    in_force = sum(not one.withdrawn for one in known.values())
    for _, one in sorted(found.items()):
        before = known.get(one.key)
        if before is None and one.withdrawn:
            left_out["revoked and not known"] += 1
        elif before is None and in_force >= most:
            left_out[f"beyond sharing.max_indicators ({most})"] += 1
        elif before is not None and before.source != one.source:
            left_out["of an id that another identity has used"] += 1
        elif before is not None and before.withdrawn == "person":
            left_out["that you have withdrawn"] += 1
        elif before is not None and before.modified >= one.modified:
            left_out["known"] += 1
        else:
            in_force += before is None
            written.append(one)
    return written, left_out


def ended(known: Mapping[str, ForeignIndicator], now_s: float) -> list[str]:
    """Return the ids that can be removed: long past their end, so that they take no room.

    What a person has withdrawn stays, for it must not be taken in again.
    """
    return [
        key
        for key, one in sorted(known.items())
        if one.withdrawn != "person" and one.valid_until + _KEPT_S <= now_s
    ]
