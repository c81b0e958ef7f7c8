"""What the pages of a worker answer while it does something else."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testlib.workers.worker import Worker

PAGES = ("readyz", "livez", "metrics")


@dataclass(frozen=True)
class Answers:
    """What pages said: page -> [(status, text, seconds)]."""

    said: Mapping[str, list[tuple[int, str, float]]]

    def of(self, page: str) -> list[tuple[int, str]]:
        """Return what a page said, in order, without repetitions."""
        said = [(status, text.strip()) for status, text, _ in self.said[page]]
        return [one for i, one in enumerate(said) if said[i - 1 : i] != [one]]

    def longest_s(self) -> float:
        return max(took for page in self.said.values() for *_, took in page)

    def summary(self) -> str:
        """Return how often each page said what, and how long it took at the most."""
        parts = []
        for page, said in self.said.items():
            for status in sorted({status for status, *_ in said}):
                took = [seconds for s, _, seconds in said if s == status]
                parts.append(f"/{page} {len(took)} x {status} (longest {max(took):.2f} s)")
        return ", ".join(parts)


class PageWatch:
    """Asks for the pages of a worker all the time, from when it listens."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._said: dict[str, list[tuple[int, str, float]]] = {page: [] for page in PAGES}
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(page,), daemon=True) for page in PAGES
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, page: str) -> None:
        while not self._over.wait(0.1):
            asked = time.monotonic()
            status, text = self._worker.page(page, within_s=60)
            if status or self._said[page]:
                self._said[page].append((status, text, time.monotonic() - asked))

    def end(self) -> Answers:
        """Stop asking; return what was said."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        return Answers(self._said)
