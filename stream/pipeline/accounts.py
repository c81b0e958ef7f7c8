"""The accounts stage: windows of events in; observations of accounts and their links out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stream.accounts.features.table import compute
from stream.accounts.windows.account_windows import AccountWindows
from stream.accounts.windows.duplicates import calls
from stream.core.egress import EgressSum
from stream.core.events import EventBatch
from stream.core.findings import AccountObservation, LightPrompt, LightTurns, Turnover
from stream.core.packets import Packet, event_rows, pack, pack_feedback
from stream.core.records import Emission
from stream.pipeline.accounts_counters import AccountsCounters
from stream.pipeline.accounts_state import AccountsState
from stream.pipeline.chunks import pack_windows
from stream.pipeline.drill_isolation import ShadowState, split_drills
from stream.pipeline.event_time import window_ends
from stream.pipeline.light_turns import light_turns
from stream.pipeline.link_collector import LinkCollector
from stream.pipeline.link_extraction import WindowSnapshot
from stream.pipeline.routing import value_tasks
from stream.pipeline.task import Parsed
from stream.pipeline.window_rows import window_rows
from stream.store.account_table import AccountTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.accounts.detection.settings import DetectionSettings
    from stream.accounts.windows.account_windows import WindowRows
    from stream.accounts.windows.request_ids import RequestIds
    from stream.accounts.windows.settings import WindowSettings
    from stream.core.links import LinkBatch
    from stream.core.packets import ChunkHeader, Feedback
    from stream.pipeline.event_time import SourceProgress
    from stream.pipeline.metrics import PipelineMetrics
    from stream.store.durable import StateRows

#: What alerting gets to see, but for links.
Observed = AccountObservation | LightPrompt | LightTurns | Turnover | EgressSum


class AccountsStage:
    """Windows, features and baselines for the accounts of one task."""

    name = "accounts"

    def __init__(
        self,
        task: int,
        *,
        tasks: int,
        links_tasks: int,
        windows: WindowSettings,
        request_ids: RequestIds,
        detection: DetectionSettings,
        packet_bytes: int,
        metrics: PipelineMetrics,
    ) -> None:
        """``tasks`` accounts tasks exist, of which this one is ``task``, and ``links_tasks``."""
        self._task = task
        self._packet_bytes = packet_bytes
        self._tasks = tasks
        self._links_tasks = links_tasks
        self._window_s = windows.window_s
        self._state = AccountsState(
            windows=windows,
            request_ids=request_ids,
            detection=detection,
        )
        self._drill = ShadowState(lambda: _DrillWindows(windows.max_accounts))
        self._observed: list[Observed] = []
        self._seconds = {
            name: metrics.stage_seconds.labels(stage=name)
            for name in ("duplicates", "egress", "windows", "detection", "linking")
        }
        self._links = LinkCollector(self._seconds["linking"])
        self._counters = AccountsCounters(self._state, metrics=metrics)

    @property
    def layouts(self) -> Mapping[str, Mapping[str, str]]:
        """Return what the stored rows of each part consist of."""
        return self._state.layouts

    def parse(self, packet: Packet, known: SourceProgress) -> Parsed[EventBatch]:
        """Return the events; new ones have an offset above the source's last applied one."""
        rows = event_rows(packet)
        offsets, times = rows.columns["offset"], rows.columns["time"]
        newest = float(offsets.max(initial=-1))
        self._state.egress.learn(packet.models, float(times.max(initial=-np.inf)))
        return Parsed(
            rows,
            window_ends(times, self._window_s),
            offsets > known.last_applied_offset,
            max(known.last_applied_offset, newest),
        )

    def process_window(self, end: float, rows: list[EventBatch]) -> None:
        """Update the rolling windows by one window, observe its accounts, keep their links.

        The accounts of a drill are linked and not observed: a drill ends before one account alone
        could stand out, and the models would learn from it.
        """
        self._observed += self._state.turnovers.check(end, including=False)
        rows, drills = split_drills(rows)
        table = self._state.table
        for portion in window_rows(
            end, self._window_s, [self._once(end, rows)], most=table.portion
        ):
            self._process_accounts(end, portion)
        self._state.egress.close(end)
        if drills:
            drill_windows = self._drill.use(end)
            for portion in window_rows(
                end, self._window_s, drills, most=drill_windows.table.portion
            ):
                slots = drill_windows.windows.update(portion)
                self._links.add(
                    WindowSnapshot.at(portion, drill_windows.windows, drill_windows.table, slots)
                )
        self._drill.forget(end)

    def _once(self, end: float, rows: list[EventBatch]) -> EventBatch:
        """Return the calls of a window, without duplicates of one that counted."""
        with self._seconds["duplicates"].time():
            found = calls(EventBatch.merge(rows), end, self._state.request_ids)
        self._counters.add_duplicates(copies=found.copies, reused=found.reused)
        return found.rows

    def _process_accounts(self, end: float, rows: WindowRows) -> None:
        """Update, observe and link the accounts of a part of a window."""
        windows, observer = self._state.windows, self._state.observer
        with self._seconds["windows"].time():
            slots = windows.update(rows)
            turns = windows.contexts.add(slots, rows.columns, rows.at, end)
        with self._seconds["detection"].time():
            day = windows.requests("day", slots, end)
            due = slots[observer.due(end, slots, day)]
            if len(due):
                seen = observer.observe(end, due, compute(windows, due, end))
                self._observed += seen.pack(end)
            self._observed += self._state.turnovers.note(rows, slots)
        with self._seconds["egress"].time():
            self._state.egress.add(rows, slots)
        self._counters.add_tokens(rows, slots)
        change_points = observer.change_points.of(slots)
        table = self._state.table
        snapshot = WindowSnapshot.at(rows, windows, table, slots, change_points, day)
        self._observed += self._state.light_prompts.pick(snapshot, slots)
        self._observed += light_turns(snapshot, turns, windows.contexts, slots)
        self._links.add(snapshot)

    def apply_feedback(self, time: float, feedback: Feedback) -> list[Emission]:
        """Note accounts that a person has confirmed, and what the detector thinks of accounts.

        Accounts that are forgotten here are forgotten downstream behind all that was sent of them.
        """
        del time
        if feedback.forgotten:
            self._state.table.drop(feedback.forgotten, with_rows=True)
            value = pack_feedback(feedback)
            links = [Emission("links", task, None, value) for task in range(self._links_tasks)]
            return [*links, Emission("findings", 0, None, value)]
        for confirmed in feedback.confirmed:
            self._state.observer.exclusion.exclude(confirmed.accounts, until=confirmed.until)
        self._state.observer.note_states(feedback.account_states)
        return []

    def emit(self, watermark: float) -> list[Emission]:
        """Return one packet for alerting and one for each links task."""
        self._counters.publish()
        self._observed += self._state.turnovers.check(watermark, including=True)
        self._observed += self._state.egress.take()
        observed, self._observed = self._observed, []
        found = self._links.take()
        tasks = value_tasks(found.columns["value"], self._links_tasks)
        links = [
            Emission("links", task, None, value)
            for task in range(self._links_tasks)
            for value in self._pack_links(found.take(tasks == task), watermark)
        ]
        packed = self._pack_observations(observed, watermark)
        return [*links, *(Emission("findings", 0, None, value) for value in packed)]

    def _pack_links(self, rows: LinkBatch, watermark: float) -> list[bytes]:
        def encode(part: slice, header: ChunkHeader) -> bytes:
            links = rows.take(part)
            return pack(source=self._task, sources=self._tasks, header=header, rows=links)

        return pack_windows(
            rows.columns["time"], encode, watermark=watermark, max_bytes=self._packet_bytes
        )

    def _pack_observations(self, rows: list[Observed], watermark: float) -> list[bytes]:
        # In the order in which the receiver has them (see Findings.of).
        order = (AccountObservation, LightPrompt, LightTurns, Turnover, EgressSum)
        rows.sort(key=lambda row: (row.time, order.index(type(row))))

        def encode(part: slice, header: ChunkHeader) -> bytes:
            return pack(
                source=self._task,
                # The sources of alerting are all accounts tasks, then all links tasks.
                sources=self._tasks + self._links_tasks,
                header=header,
                observations=[
                    row for row in rows[part] if not isinstance(row, Turnover | EgressSum)
                ],
                turnovers=[row for row in rows[part] if isinstance(row, Turnover)],
                egress=[row for row in rows[part] if isinstance(row, EgressSum)],
            )

        ends = np.array([row.time for row in rows], np.float64)
        return pack_windows(ends, encode, watermark=watermark, max_bytes=self._packet_bytes)

    def release(self) -> None:
        """Withdraw this task's part of the gauges."""
        self._counters.release()

    def take_changes(self) -> StateRows:
        """Return changed and forgotten accounts, and the rest of the state that changed."""
        self._counters.publish_accounts()
        return self._state.take_changes()

    def load(self, part: str, rows: StateRows) -> None:
        """Load stored rows of a part in the order they were written; None deletes."""
        del part  # the rows show it
        self._state.load(rows)

    def loaded(self, part: str) -> None:
        """Finish loading a part: there are no more rows of it."""
        self._state.loaded(part)

    def recovered(self) -> None:
        """Continue after all parts are loaded."""
        self._counters.publish()


class _DrillWindows:
    """The windows of a drill's accounts."""

    def __init__(self, max_accounts: int) -> None:
        self.table = AccountTable(AccountWindows.FIELDS, max_accounts=max_accounts)
        self.windows = AccountWindows(self.table)
