"""The published detector in its batch form: maximum mean discrepancy of windows of prompts.

arXiv 2606.05725: the MMD (Gretton et al., JMLR 2012; Gaussian kernel, median distance) between the
embeddings of a window of an account's prompts and those of normal traffic, against a threshold
calibrated on normal windows. Published with sentence embeddings; here, where no model's weights
are, with signed hashing of words and word pairs into 512 dimensions (Weinberger et al., ICML
2009). Windows of 100 prompts, at most two a day and account: batch cost is what rules it out.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from quality.alarms import Alarm
from quality.plan import DAY_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from stream.intake.codec.event import RequestEvent

WINDOW: Final = 100
_DIMENSIONS: Final = 512
_WORDS: Final = 300
_WINDOWS_A_DAY: Final = 2
_REFERENCE: Final = 1000
_REFERENCE_EACH: Final = 4  # prompts of one account in the reference
#: Published operating point: benign windows above the threshold.
_FALSE_POSITIVES: Final = 0.003


class Window(NamedTuple):
    """One window's discrepancy, judged or only calibrated on."""

    time: float
    account: str
    discrepancy: float


class Discrepancy:
    """One incident for each account and day; calibrated on the first day."""

    name = f"batch MMD on {WINDOW} prompts, calibrated on the first day"
    needs_text = True

    def __init__(self, start_s: float) -> None:
        """Collect the reference in the first half of the first day, calibrate in the second."""
        self._reference_until_s = start_s + DAY_S / 2
        self._calibrated_at_s = start_s + DAY_S
        self._given: defaultdict[str, int] = defaultdict(int)
        self._collected: list[NDArray[np.float32]] = []
        self._kernel: _Kernel | None = None
        self.threshold = np.inf
        self._open: defaultdict[str, list[NDArray[np.float32]]] = defaultdict(list)
        self._today = -1
        self._done: defaultdict[str, int] = defaultdict(int)
        self.windows: list[Window] = []
        self._alarms: list[Alarm] = []

    def observe(self, events: Sequence[RequestEvent]) -> None:
        """Fill windows; compare each full one with the reference."""
        for event in events:
            if not event.prompt:
                continue
            text = f"{event.system_prompt}\n{event.prompt}" if event.system_prompt else event.prompt
            time, account = event.timestamp, event.account_id
            if time < self._reference_until_s:
                self._collect(account, text)
                continue
            if self._kernel is None:
                self._kernel = _Kernel(np.array(self._collected))
            day = int(time // DAY_S)
            if day != self._today:
                self._today = day
                self._done.clear()
            if self._done[account] >= _WINDOWS_A_DAY:
                continue
            window = self._open[account]
            window.append(embed(text))
            if len(window) == WINDOW:
                self._done[account] += 1
                self._judge(time, account, np.array(self._open.pop(account)))

    def _collect(self, account: str, text: str) -> None:
        if self._given[account] < _REFERENCE_EACH and len(self._collected) < _REFERENCE:
            self._given[account] += 1
            self._collected.append(embed(text))

    def _judge(self, time: float, account: str, window: NDArray[np.float32]) -> None:
        assert self._kernel is not None
        value = self._kernel.discrepancy(window)
        if time >= self._calibrated_at_s and np.isinf(self.threshold):
            known = [window.discrepancy for window in self.windows]
            self.threshold = float(np.quantile(known, 1 - _FALSE_POSITIVES)) if known else np.inf
        self.windows.append(Window(time, account, value))
        if time >= self._calibrated_at_s and value > self.threshold:
            incident = f"{account}/{int(time // DAY_S)}"
            self._alarms.append(Alarm(time, incident, "account", (account,)))

    def alarms(self) -> list[Alarm]:
        """Return what was said."""
        return self._alarms


class _Kernel:
    """The reference, and the Gaussian kernel with its median distance."""

    def __init__(self, reference: NDArray[np.float32]) -> None:
        self._reference = reference
        square = _squares(reference, reference)
        self._gamma = 1 / np.median(square[np.triu_indices(len(reference), 1)])
        self._own = float(np.exp(-self._gamma * square).mean())

    def discrepancy(self, window: NDArray[np.float32]) -> float:
        """Return the (biased) squared maximum mean discrepancy."""
        ours = float(np.exp(-self._gamma * _squares(window, window)).mean())
        cross = float(np.exp(-self._gamma * _squares(window, self._reference)).mean())
        return ours + self._own - 2 * cross


def _squares(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return squared distances of rows; all rows have length 1."""
    return 2 - 2 * (one @ other.T)


def embed(text: str) -> NDArray[np.float32]:
    """Return signed hashes of words and pairs, of length 1."""
    words = text.lower().encode("utf-8", "replace").split(maxsplit=_WORDS)[:_WORDS]
    pairs = [a + b" " + b for a, b in pairwise(words)]
    codes = np.array([zlib.crc32(part) for part in (*words, *pairs)], np.int64)
    vector = np.bincount(
        codes % _DIMENSIONS, np.where(codes >> 20 & 1, 1.0, -1.0), minlength=_DIMENSIONS
    )
    return np.asarray(vector / max(float(np.sqrt(vector @ vector)), 1e-9), np.float32)
