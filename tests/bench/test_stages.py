"""What each stage costs on dense traffic, in units of a loop that is timed beside it.

``make bench-stages`` compares with what was recorded (``stages.json``): a ratio to the loop's time
says the same on a slow machine and a fast one, an absolute time does not. ``RECORD=1`` records.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pytest
from side_by_side.traffic import KINDS, Expected, records

from stream.accounts.detection.detector import Detector
from stream.accounts.detection.observer import AccountObserver
from stream.accounts.features.table import compute
from stream.accounts.windows.account_windows import AccountWindows
from stream.core.packets import event_rows, unpack
from stream.core.records import Record
from stream.intake.codec.decoder import Decoder
from stream.intake.codec.settings import IntakeSettings
from stream.intake.fingerprint.fingerprinter import Fingerprinter
from stream.metrics import Metrics
from stream.pipeline.chunks import pack_events
from stream.pipeline.link_extraction import WindowSnapshot, links_of
from stream.pipeline.reader import PORTION, EventReader, ignore
from stream.pipeline.window_rows import window_rows
from stream.settings import Settings
from stream.store.account_table import AccountTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

_RECORDED: Final = Path(__file__).with_name("stages.json")
EVENTS: Final = 4096
NOW: Final = 1_764_000_030.0
WINDOW_S: Final = 60.0
#: A stage that takes so much more than recorded has become slower; the machine is shared.
TOLERANCE: Final = 1.6


class Stages:
    """The stages up to the findings, each with its input."""

    def __init__(self) -> None:
        metrics = Metrics()
        kind = KINDS[0]
        rows = list(records(kind, EVENTS, NOW, Expected(topic="")))[:EVENTS]
        self.records = [Record(i, None, value) for i, (_, value, _) in enumerate(rows)]
        self.decoder = Decoder(IntakeSettings(), metrics)
        self.decoded = self.decoder.decode(self.records, now_s=NOW)
        self.fingerprinter = Fingerprinter(b"salt")
        self.reader = EventReader(self.decoder, self.fingerprinter, metrics, ignore)
        self.batch = self.fingerprinter.columns(self.decoded.events, self.decoded.offsets)
        self.packets = self.pack()
        self.end = (NOW // WINDOW_S + 1) * WINDOW_S
        self.table = AccountTable(
            (*AccountWindows.FIELDS, *AccountObserver.FIELDS), max_accounts=100_000
        )
        self.windows = AccountWindows(self.table)
        detection = Settings().stages.detection
        self.observer = AccountObserver(detection, self.table)
        scored = AccountTable(Detector.FIELDS, max_accounts=100_000)
        self.detector = Detector(detection, scored, metrics=metrics)
        [self.step] = self.merge()
        self.slots = self.windows.update(self.step)
        self.matrix = self.features()

    def decode(self) -> object:
        portions = [self.records[at : at + PORTION] for at in range(0, EVENTS, PORTION)]
        return [self.decoder.decode(portion, now_s=NOW) for portion in portions]

    def fingerprint(self) -> object:
        return self.fingerprinter.columns(self.decoded.events, self.decoded.offsets)

    def read(self) -> object:
        return self.reader.read(self.records, now_s=NOW)

    def pack(self) -> list[bytes]:
        return pack_events(self.batch, source=0, sources=1, watermark=0.0, max_bytes=2**24)

    def unpack(self) -> object:
        return [event_rows(unpack(packet)) for packet in self.packets]

    def merge(self) -> list:
        return list(window_rows(self.end, WINDOW_S, [self.batch], most=100_000))

    def window(self) -> object:
        return self.windows.update(self.step)

    def features(self) -> Any:
        return compute(self.windows, self.slots, self.end)

    def score(self) -> object:
        seen = self.observer.observe(self.end, self.slots, self.matrix)
        return self.detector.detect(self.end, seen)

    def link(self) -> object:
        return links_of([WindowSnapshot.at(self.step, self.windows, self.table, self.slots)])


NAMES: Final = (
    "decode", "fingerprint", "read", "pack", "unpack",
    "merge", "window", "features", "score", "link",
)  # fmt: skip


@pytest.fixture(scope="module")
def stages() -> Stages:
    return Stages()


@pytest.mark.parametrize("name", NAMES)
def test_stage(benchmark: BenchmarkFixture, stages: Stages, name: str) -> None:
    call = getattr(stages, name)
    assert benchmark(call) is not None
    if benchmark.stats is None:
        return  # not a benchmark run
    ratio, us = measured(call)
    benchmark.extra_info["ratio"] = ratio
    if os.environ.get("RECORD"):
        known = json.loads(_RECORDED.read_text()) if _RECORDED.exists() else {}
        _RECORDED.write_text(json.dumps(known | {name: round(ratio, 3)}, indent=2) + "\n")
    recorded = json.loads(_RECORDED.read_text())[name]
    print(f"\n{name}: {ratio:.3f} of the loop (recorded {recorded}), {us:.2f} us an event here")
    assert ratio < TOLERANCE * recorded


def measured(call: Callable[[], object]) -> tuple[float, float]:
    """Return the best time of a stage in units of the loop, and in us an event.

    They are timed in turn: what disturbs one disturbs the other.
    """
    best, loop = float("inf"), float("inf")
    for _ in range(40):
        loop = min(loop, timed(calibration))
        best = min(best, timed(call))
    return best / loop, best / EVENTS * 1e6


def timed(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def calibration() -> None:
    """Do what the stages do: objects, a table of strings, columns."""
    names = [f"account-{i % 997}" for i in range(EVENTS)]
    codes = {name: i for i, name in enumerate(dict.fromkeys(names))}
    column = np.array([codes[name] for name in names], np.int64)
    np.lexsort((column, column % 7))
    np.add.reduceat(column.astype(float), np.arange(0, EVENTS, 8))
