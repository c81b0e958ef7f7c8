"""Waiting for an event: the only place of the tests that sleeps between two looks."""

from __future__ import annotations

import asyncio
import inspect
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def until(
    holds: Callable[[], object],
    *,
    what: str,
    within_s: float = 30.0,
    every_s: float = 0.1,
    check: Callable[[], object] = bool,
    detail: Callable[[], str] = str,
) -> None:
    """Wait until ``holds``; ``check`` may raise meanwhile, ``detail`` explains a failure."""
    deadline = time.monotonic() + within_s
    while not holds():
        check()
        assert time.monotonic() < deadline, f"no {what} within {within_s:g} s: {detail()}"
        time.sleep(every_s)


async def until_async(
    holds: Callable[[], object], *, what: str = "event", within_s: float = 30.0
) -> None:
    """Wait until ``holds``, a function or a coroutine function, while the event loop runs."""
    deadline = time.monotonic() + within_s
    while not (await found if inspect.isawaitable(found := holds()) else found):
        assert time.monotonic() < deadline, f"no {what} within {within_s:g} s"
        await asyncio.sleep(0.02)
