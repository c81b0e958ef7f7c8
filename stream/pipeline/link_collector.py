"""Collects the inputs of links over windows, and makes the links of many windows at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.core.links import LinkBatch
from stream.pipeline.link_extraction import links_of

if TYPE_CHECKING:
    from prometheus_client import Histogram

    from stream.pipeline.link_extraction import WindowSnapshot

#: Rows of windows whose links are made at once. Assumed: most windows have few rows, so that a call
#: costs a small part.
_MOST_ROWS: Final = 1 << 16


class LinkCollector:
    """Buffers windows; bounded by :data:`_MOST_ROWS` and one window."""

    def __init__(self, seconds: Histogram) -> None:
        """``seconds`` measures the making of links."""
        self._seconds = seconds
        self._snapshots: list[WindowSnapshot] = []
        self._rows = 0  # of these
        self._links: list[LinkBatch] = []

    def add(self, snapshot: WindowSnapshot) -> None:
        """Keep the events and accounts of a window until their links are made."""
        self._snapshots.append(snapshot)
        self._rows += len(snapshot.rows.columns["time"])
        if self._rows >= _MOST_ROWS:
            self._make()

    def take(self) -> LinkBatch:
        """Return the links since the last call."""
        self._make()
        found, self._links = LinkBatch.merge(self._links), []
        return found

    def _make(self) -> None:
        snapshots, self._snapshots, self._rows = self._snapshots, [], 0
        if snapshots:
            with self._seconds.time():
                self._links.append(links_of(snapshots))
