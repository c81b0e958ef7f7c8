"""The links stage: links of accounts in, by indicator; groups of accounts that share one out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stream.campaigns.links.link_table import LinkTable
from stream.core.packets import Packet, link_rows, pack, pack_feedback
from stream.core.records import Emission
from stream.pipeline.chunks import find_new_rows, pack_windows
from stream.pipeline.drill_isolation import ShadowState, split_drills
from stream.pipeline.metrics import PipelineMetrics
from stream.pipeline.task import Parsed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.campaigns.settings import CampaignSettings
    from stream.core.findings import Group
    from stream.core.links import LinkBatch
    from stream.core.packets import ChunkHeader, Feedback
    from stream.pipeline.event_time import SourceProgress
    from stream.store.durable import StateRows


class LinksStage:
    """The indicators of one task."""

    name = "links"

    def __init__(
        self,
        task: int,
        *,
        tasks: int,
        accounts_tasks: int,
        settings: CampaignSettings,
        packet_bytes: int,
        metrics: PipelineMetrics,
    ) -> None:
        """``tasks`` links tasks exist, of which this one is ``task``, and ``accounts_tasks``."""
        self._packet_bytes = packet_bytes
        self._source = accounts_tasks + task
        self._sources = accounts_tasks + tasks
        self._table = LinkTable(settings, metrics=metrics)
        self._drill = ShadowState(
            lambda: LinkTable(settings, metrics=PipelineMetrics(strict=False))
        )
        self._groups: list[Group] = []

    @property
    def layouts(self) -> Mapping[str, Mapping[str, str]]:
        """Return what the stored rows of each part consist of."""
        return {"links": self._table.layout}

    def parse(self, packet: Packet, known: SourceProgress) -> Parsed[LinkBatch]:
        """Return the links; new ones belong to a window after the last one applied."""
        rows = link_rows(packet)
        ends = rows.columns["time"]
        return Parsed(rows, ends, *find_new_rows(packet, ends, known))

    def process_window(self, end: float, rows: list[LinkBatch]) -> None:
        """Add the links of one window."""
        rows, drills = split_drills(rows)
        self._groups += self._table.step(end, *rows)
        if drills:
            self._groups += self._drill.use(end).step(end, *drills)
        self._drill.forget(end)

    def apply_feedback(self, time: float, feedback: Feedback) -> list[Emission]:
        """Forget accounts, here and, behind all that was sent of them, in alerting."""
        del time
        if not feedback.forgotten:
            return []
        self._table.forget(feedback.forgotten)
        return [Emission("findings", 0, None, pack_feedback(feedback))]

    def emit(self, watermark: float) -> list[Emission]:
        """Return the groups for alerting."""
        groups, self._groups = self._groups, []

        def encode(part: slice, header: ChunkHeader) -> bytes:
            rows = groups[part]
            return pack(source=self._source, sources=self._sources, header=header, groups=rows)

        ends = np.array([group.time for group in groups], np.float64)
        values = pack_windows(ends, encode, watermark=watermark, max_bytes=self._packet_bytes)
        return [Emission("findings", 0, None, value) for value in values]

    def release(self) -> None:
        """Withdraw this stage's contribution to the gauges."""
        self._table.release()

    def take_changes(self) -> StateRows:
        """Return the rows of indicators and accounts that changed."""
        return self._table.take_changes()

    def load(self, part: str, rows: StateRows) -> None:
        """Load stored rows of a part in the order they were written; None deletes."""
        del part  # there is one
        self._table.load(rows)

    def recovered(self) -> None:
        """Continue after all parts are loaded: they need nothing of each other."""

    def loaded(self, part: str) -> None:
        """Finish loading a part: there are no more rows of it."""
        del part
        self._table.loaded()
