"""What the module for LiteLLM costs: ``python tests/bench/litellm_module.py``, seconds.

50,000 suspended accounts in the table. Processor time of a request that nothing is decided about,
of one that is refused, of a pull of everything and of a pull with one change.
"""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from distillwatch_litellm import DistillwatchHandler, HTTPException, Settings, Table
from testlib.litellm_module import caller

if TYPE_CHECKING:
    from collections.abc import Callable

DECISIONS = 50_000
REQUESTS = 50_000


def row(number: int) -> dict[str, Any]:
    more = {"decision": f"dec_{number:020d}", "action": "suspend", "until": 2e9}
    return {
        "id": number,
        "origin": "distillwatch",
        "type": "ban",
        "scope": "username",
        "value": f"{number:064x}",
        "duration": "23h59m59s",
        "until": "2026-03-03T01:06:40Z",
        "scenario": "distillwatch/suspend",
        "simulated": False,
        "distillwatch": more,
    }


async def requests(handler: DistillwatchHandler, account: str) -> None:
    key = caller(account)
    for _ in range(REQUESTS):
        try:
            await handler.async_pre_call_hook(key, None, {"model": "m"}, "acompletion")
        except HTTPException:
            continue


def took_s(what: Callable[[], object]) -> float:
    started = time.process_time()
    what()
    return time.process_time() - started


def main() -> None:
    """Print a line for each."""
    body = json.dumps({"new": [row(number) for number in range(DECISIONS)], "deleted": None})
    handler = DistillwatchHandler(Settings())
    now = time.monotonic()

    def everything() -> None:
        handler.feed.table = Table().changed(json.loads(body)["new"], (), now)

    def change() -> None:
        handler.feed.table = handler.feed.table.changed([row(DECISIONS)], (), now)

    print(f"everything: {took_s(everything) * 1e3:.0f} ms ({len(body) / 1e6:.0f} MB)")
    print(f"one change: {took_s(change) * 1e3:.0f} ms")
    for name, account in (("nothing decided", "f" * 64), ("refused", f"{7:064x}")):
        spent_s = took_s(partial(asyncio.run, requests(handler, account)))
        print(f"{name}: {spent_s / REQUESTS * 1e6:.1f} us a request")


if __name__ == "__main__":
    main()
