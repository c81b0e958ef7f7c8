"""A sample of the word cells of light accounts' prompts for every hour of the last days.

Of each hour the prompts with the smallest fingerprints are kept (bottom-k sketch; Cohen and Kaplan,
PODC 2007): an even sample of the *different* prompts, whatever the order they came in, and the
samples of two tasks can be merged. It knows nothing of topics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from stream.core.errors import StateError
from stream.core.events import WORD_CELLS
from stream.store.layouts import of_dtype

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.batch import Array, Fingerprints, Mask, Positions

#: Hours that are kept: four days, so that three are left when the last one is not counted.
HOURS: Final = 96
#: Prompts of an hour that are kept. Measured: with 64 the direction of a topic that is a tenth of
#: six hours is known well enough to recognise four of five of its prompts; more cost little.
PROMPTS: Final = 256
_BYTES: Final = WORD_CELLS // 8
_UNKNOWN: Final = -1

#: One hour as it is stored.
_ROW: Final = np.dtype(
    [
        ("hour", "<i8"),  # since the epoch, -1: none
        ("count", "<i4"),
        ("hits", "<i4"),  # of these in the topic cell when the hour ended, -1: there was none
        ("surging", "?"),  # it belongs to a surge: it is no past to compare with
        ("prompt", "<u8", (PROMPTS,)),  # fingerprints, ascending
        ("cells", "u1", (PROMPTS, _BYTES)),
    ]
)


class HourlySamples:
    """The samples, in a ring of :data:`HOURS` rows; ``rows`` are public but for their prompts."""

    #: What a stored row consists of.
    layout: Final = {"topic samples": of_dtype(_ROW)}

    def __init__(self) -> None:
        """Start without any."""
        self.rows: Final = np.zeros(HOURS, _ROW)
        self.rows["hour"] = self.rows["hits"] = _UNKNOWN
        self._changed = np.zeros(HOURS, bool)

    @property
    def nbytes(self) -> int:
        """Return the size in bytes."""
        return int(self.rows.nbytes)

    def add(self, hour: int, prompts: Fingerprints, cells: Array) -> None:
        """Add prompts (n,) of an hour with their word cells, ``(n, bytes)`` u1."""
        if not len(prompts):
            return
        at = hour % HOURS
        row = self.rows[at]
        if row["hour"] != hour:
            row["hour"], row["count"], row["hits"], row["surging"] = hour, 0, _UNKNOWN, False
        count = int(row["count"])
        known = np.concatenate([row["prompt"][:count], prompts])
        # Of equal prompts the cells are equal, too.
        kept, first = np.unique(known, return_index=True)
        kept, first = kept[:PROMPTS], first[:PROMPTS]
        row["cells"][: len(kept)] = np.concatenate([row["cells"][:count], cells])[first]
        row["prompt"][: len(kept)] = kept
        row["count"] = len(kept)
        self._changed[at] = True

    def note_hits(self, hour: int, hits: int) -> None:
        """Note how many prompts of an hour were in the topic cell when it ended."""
        at = hour % HOURS
        if self.rows["hour"][at] == hour:
            self.rows["hits"][at] = hits
            self._changed[at] = True

    def note_surge(self, hours: Mask, *, surging: bool) -> None:
        """Mark rows (HOURS,) as a part of a surge, or as past again."""
        change = hours & (self.rows["surging"] != surging)
        self.rows["surging"][change] = surging
        self._changed |= change

    def between(self, first: int, last: int) -> Mask:
        """Return which rows are of the hours from ``first`` to ``last``, shape ``(HOURS,)``."""
        hour = self.rows["hour"]
        return np.asarray((hour >= max(first, 0)) & (hour <= last))

    def bits(self, hours: Mask) -> Array:
        """Return the word cells of all prompts of some rows, in the order of the hours, ``(n, W)``.

        0 or 1, f8.
        """
        chosen = np.flatnonzero(hours)
        chosen = chosen[np.argsort(self.rows["hour"][chosen])]
        parts = [row["cells"][: row["count"]] for row in self.rows[chosen]]
        packed = np.concatenate(parts) if parts else np.zeros((0, _BYTES), np.uint8)
        return np.unpackbits(packed, axis=1).astype(np.float64)

    # -- durable rows -------------------------------------------------------------------------

    def take_changes(self) -> list[tuple[bytes, bytes]]:
        """Return the rows that changed since the last call, by their place in the ring."""
        changed: Positions = np.flatnonzero(self._changed)
        self._changed[:] = False
        return [(bytes([at]), self.rows[at].tobytes()) for at in changed.tolist()]

    def load(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Take over stored rows. Raises StateError when one is damaged."""
        for key, row in rows:
            if len(key) != 1 or key[0] >= HOURS or len(row) != _ROW.itemsize:
                raise StateError("a stored hour of word cells cannot be read")
            found = np.frombuffer(row, _ROW)[0]
            if not 0 <= found["count"] <= PROMPTS:
                raise StateError("a stored hour of word cells is damaged")
            self.rows[key[0]] = found
