"""The accounts stage: windows of events in; findings and links of accounts out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from stream.accounts.detection.account_states import AccountState
from stream.accounts.detection.detector import Detector
from stream.accounts.features.table import compute
from stream.accounts.windows.account_windows import AccountWindows
from stream.accounts.windows.duplicates import calls
from stream.accounts.windows.request_ids import RequestIds
from stream.core.events import EventBatch
from stream.core.links import LinkBatch
from stream.core.packets import Packet, event_rows, pack
from stream.core.records import Emission
from stream.pipeline.chunks import pack_windows
from stream.pipeline.drill_isolation import ShadowState, split_drills
from stream.pipeline.event_time import window_ends
from stream.pipeline.link_extraction import WindowSnapshot, links_of
from stream.pipeline.routing import value_tasks
from stream.pipeline.task import Parsed
from stream.pipeline.window_rows import window_rows
from stream.store.account_table import AccountTable
from stream.telemetry.contribution import GaugeContribution

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stream.accounts.detection.settings import DetectionSettings
    from stream.accounts.windows.account_windows import WindowRows
    from stream.accounts.windows.settings import WindowSettings
    from stream.core.events import Array
    from stream.core.findings import AccountFinding
    from stream.core.packets import ChunkHeader, Feedback
    from stream.core.thresholds import ScoreThresholds
    from stream.pipeline.event_time import SourceProgress
    from stream.pipeline.metrics import PipelineMetrics
    from stream.pipeline.task import StateRows

_ACCOUNT: Final = b"a"
_DIRECTIONS: Final = ("input", "output")
#: Rows of windows whose links are made at once.
_MOST_SNAPSHOT_ROWS: Final = 1 << 16
_MODEL: Final = b"m"
_REQUEST_IDS: Final = b"d"
_BEGAN: Final = b"b"
#: Label -> states of ``observed_tokens_total``.
_STATES_OF_LABEL: Final = {
    "warming_up": (AccountState.WARMING_UP,),
    "clear": (AccountState.CLEAR,),
    "anomalous": (AccountState.SUSPECT, AccountState.ANOMALOUS),
}


class AccountsStage:
    """Windows, features and detection for the accounts of one task."""

    name = "accounts"

    def __init__(
        self,
        task: int,
        *,
        tasks: int,
        windows: WindowSettings,
        duplicate_window_s: float,
        detection: DetectionSettings,
        thresholds: ScoreThresholds,
        packet_bytes: int,
        metrics: PipelineMetrics,
    ) -> None:
        """``tasks`` accounts tasks exist and as many links tasks; this one is ``task``."""
        self._task = task
        self._packet_bytes = packet_bytes
        self._tasks = tasks
        self._window_s = windows.window_s
        self._metrics = metrics
        self._table = AccountTable(
            (*AccountWindows.FIELDS, *Detector.FIELDS), max_accounts=windows.max_accounts
        )
        self._windows = AccountWindows(self._table)
        self._request_ids = RequestIds(duplicate_window_s, window_s=windows.window_s)
        self._detector = Detector(
            detection, self._table, thresholds=thresholds, metrics=metrics, seed=task
        )
        self._drill = ShadowState(lambda: _DrillWindows(windows.max_accounts))
        self._findings: list[AccountFinding] = []
        self._snapshots: list[WindowSnapshot] = []
        self._snapshot_rows = 0  # rows of these
        self._links: list[LinkBatch] = []
        self._tokens = np.zeros((len(_DIRECTIONS), len(AccountState)))
        self._seconds = {
            name: metrics.stage_seconds.labels(stage=name)
            for name in ("duplicates", "windows", "detection", "linking")
        }
        self._evicted = 0
        self._forgotten = 0
        self._shares = {
            "tracked": GaugeContribution(metrics.accounts_tracked),
            "warming_up": GaugeContribution(metrics.accounts_warming_up),
            "held": GaugeContribution(metrics.accounts_suppressed_by_drift),
            "bytes": GaugeContribution(metrics.state_bytes),
            "request_ids": GaugeContribution(metrics.request_ids_tracked),
        }
        metrics.model_info.info({"version": self._detector.model_version})
        self._written: dict[str, bytes] = {}
        self._written_began = math.inf

    @property
    def layout(self) -> Mapping[str, str]:
        """Return everything that has to agree for stored rows to mean the same."""
        return {
            **self._table.layout,
            **self._windows.LAYOUT,
            **self._request_ids.LAYOUT,
            **self._detector.layout,
        }

    def parse(self, packet: Packet, known: SourceProgress) -> Parsed[EventBatch]:
        """Return the events; new ones have a source offset above the last one applied."""
        rows = event_rows(packet)
        offsets, times = rows.columns["offset"], rows.columns["time"]
        newest = float(offsets.max(initial=-1))
        return Parsed(
            rows,
            window_ends(times, self._window_s),
            offsets > known.last_applied_offset,
            max(known.last_applied_offset, newest),
        )

    def process_window(self, end: float, rows: list[EventBatch]) -> None:
        """Update the rolling windows by one window, score its accounts, keep their links.

        The accounts of a drill are linked and not scored: a drill ends before one account alone
        could stand out, and the models would learn from it.
        """
        rows, drills = split_drills(rows)
        once = self._once(end, rows)
        for portion in window_rows(end, self._window_s, [once], most=self._table.portion):
            with self._seconds["windows"].time():
                slots = self._windows.update(portion)
            with self._seconds["detection"].time():
                day = self._windows.requests("day", slots, end)
                due = slots[self._detector.due(end, slots, day)]
                if len(due):
                    matrix = compute(self._windows, due, end)
                    self._findings += self._detector.detect(end, due, matrix)
            self._count_tokens(portion, slots)
            change_points = self._detector.change_points.of(slots)
            self._take_snapshot(
                WindowSnapshot.at(portion, self._windows, self._table, slots, change_points, day)
            )
        if drills:
            drill_windows = self._drill.use(end)
            for portion in window_rows(
                end, self._window_s, drills, most=drill_windows.table.portion
            ):
                slots = drill_windows.windows.update(portion)
                self._take_snapshot(
                    WindowSnapshot.at(portion, drill_windows.windows, drill_windows.table, slots)
                )
        self._drill.forget(end)

    def _once(self, end: float, rows: list[EventBatch]) -> EventBatch:
        """Return the window's calls, without further records of a call that counted."""
        with self._seconds["duplicates"].time():
            found = calls(EventBatch.merge(rows), end, self._request_ids)
        self._metrics.request_ids_total.labels(result="duplicate").inc(found.copies)
        self._metrics.request_ids_total.labels(result="reused").inc(found.reused)
        return found.rows

    def _take_snapshot(self, snapshot: WindowSnapshot) -> None:
        """Buffer the input of the links of a window: links of many windows are made at once."""
        self._snapshots.append(snapshot)
        self._snapshot_rows += len(snapshot.rows.columns["time"])
        if self._snapshot_rows >= _MOST_SNAPSHOT_ROWS:
            self._link()

    def _link(self) -> None:
        snapshots, self._snapshots, self._snapshot_rows = self._snapshots, [], 0
        if snapshots:
            with self._seconds["linking"].time():
                self._links.append(links_of(snapshots))

    def apply_feedback(self, time: float, feedback: Feedback) -> list[Emission]:
        """Learn nothing from the accounts of incidents that a person has confirmed."""
        del time
        for confirmed in feedback.confirmed:
            self._detector.learning.exclude(confirmed.accounts, until=confirmed.until)
        return []

    def emit(self, watermark: float) -> list[Emission]:
        """Return one packet for alerting and one for each links task."""
        self._count()
        self._link()
        findings, self._findings = self._findings, []
        found, self._links = LinkBatch.merge(self._links), []
        tasks = value_tasks(found.columns["value"], self._tasks)
        sent = [
            Emission("links", task, None, value)
            for task in range(self._tasks)
            for value in self._pack_links(found.take(tasks == task), watermark)
        ]
        heads = self._pack_findings(findings, watermark)
        return [*sent, *(Emission("findings", 0, None, value) for value in heads)]

    def _pack_links(self, rows: LinkBatch, watermark: float) -> list[bytes]:
        def encode(part: slice, header: ChunkHeader) -> bytes:
            links = rows.take(part)
            return pack(source=self._task, sources=self._tasks, header=header, rows=links)

        return pack_windows(
            rows.columns["time"], encode, watermark=watermark, max_bytes=self._packet_bytes
        )

    def _pack_findings(self, rows: list[AccountFinding], watermark: float) -> list[bytes]:
        def encode(part: slice, header: ChunkHeader) -> bytes:
            # The sources of alerting: every accounts task and as many links tasks.
            sources = 2 * self._tasks
            return pack(
                source=self._task, sources=sources, header=header, account_findings=rows[part]
            )

        ends = np.array([row.time for row in rows], np.float64)
        return pack_windows(ends, encode, watermark=watermark, max_bytes=self._packet_bytes)

    def _count_tokens(self, rows: WindowRows, slots: Array) -> None:
        states = self._detector.states.of(slots)
        for i, direction in enumerate(_DIRECTIONS):
            tokens = np.add.reduceat(rows.columns[f"{direction}_tokens"], rows.at, dtype=np.int64)
            self._tokens[i] += np.bincount(states, tokens, len(AccountState))

    def _count(self) -> None:
        for direction, tokens in zip(_DIRECTIONS, self._tokens, strict=True):
            for verdict, among in _STATES_OF_LABEL.items():
                self._metrics.observed_tokens_total.labels(
                    verdict=verdict, direction=direction
                ).inc(float(tokens[list(among)].sum()))
        self._tokens[:] = 0
        self._shares["tracked"].set(len(self._table))
        self._shares["bytes"].set(self._table.columns.nbytes + self._request_ids.nbytes)
        self._shares["request_ids"].set(len(self._request_ids))
        forgotten = self._request_ids.forgotten
        self._metrics.request_ids_total.labels(result="forgotten").inc(forgotten - self._forgotten)
        self._forgotten = forgotten
        self._metrics.accounts_evicted_total.inc(self._table.evicted - self._evicted)
        self._evicted = self._table.evicted

    def release(self) -> None:
        """Withdraw this stage's contribution to the gauges."""
        for share in self._shares.values():
            share.set(0)

    def take_changes(self) -> StateRows:
        """Return changed and forgotten accounts, and the models that changed."""
        # This reads every account, so once a checkpoint rather than once a window.
        self._shares["warming_up"].set(self._detector.warming_up)
        self._shares["held"].set(self._detector.suppressed)
        changed, gone = self._table.take_changes()
        models = {
            name: blob
            for name, blob in self._detector.state().items()
            if self._written.get(name) != blob
        }
        self._written |= models
        return [
            *((_ACCOUNT + name.encode(), row) for name, row in changed),
            *((_ACCOUNT + name.encode(), None) for name in gone),
            *((_MODEL + name.encode(), blob) for name, blob in models.items()),
            *self._beginning(),
            *((_REQUEST_IDS + key, row) for key, row in self._request_ids.take_changes()),
        ]

    def _beginning(self) -> StateRows:
        """Return when the stream began, unless that is written."""
        if self._windows.began_s == self._written_began:
            return []
        self._written_began = self._windows.began_s
        return [(_BEGAN, repr(self._written_began).encode())]

    def load(self, rows: StateRows) -> None:
        """Load stored rows in the order they were written; None deletes."""
        latest = dict(rows)
        accounts = {k[1:].decode(): row for k, row in latest.items() if k[:1] == _ACCOUNT}
        there = {account: row for account, row in accounts.items() if row is not None}
        self._table.load([*there], [*there.values()])
        self._table.drop(accounts.keys() - there.keys())
        self._windows.began_s = self._written_began = float(
            latest.get(_BEGAN) or self._windows.began_s
        )
        self._request_ids.load({k[1:]: row for k, row in latest.items() if k[:1] == _REQUEST_IDS})
        self._written |= {
            k[1:].decode(): row for k, row in rows if k[:1] == _MODEL and row is not None
        }

    def loaded(self) -> None:
        """Finish loading: there are no more rows."""
        self._detector.restore(self._written)
        self._request_ids.loaded()
        self._table.trim(self._windows.retention.eviction_priority)
        self._count()


class _DrillWindows:
    """What the windows of a drill's accounts need."""

    def __init__(self, max_accounts: int) -> None:
        self.table = AccountTable(AccountWindows.FIELDS, max_accounts=max_accounts)
        self.windows = AccountWindows(self.table)
