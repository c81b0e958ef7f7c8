"""What every competitor tells the benchmark on its standard output, one JSON object a line."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_EVERY: Final = 20_000


def say(what: str, **more: Any) -> None:
    """Say ``first``, ``seen``, ``last`` or ``total`` with the time, seconds."""
    print(json.dumps({"what": what, "at": time.monotonic(), **more}), flush=True)


@dataclass
class Tally:
    """Counts events up to the last one."""

    expected: int
    events: int = 0
    tokens: int = 0

    def add(self, events: int, tokens: int) -> bool:
        """Count events with their output tokens; return whether these were the last."""
        before, self.events = self.events, self.events + events
        self.tokens += tokens
        if before < self.expected <= self.events:
            say("last", events=self.events)
        elif before // _EVERY != self.events // _EVERY:
            say("seen", events=self.events)
        return self.events >= self.expected

    def prove(self) -> None:
        """Say what was counted in all."""
        say("total", events=self.events, tokens=self.tokens)


@dataclass(frozen=True)
class Arguments:
    """What the benchmark gives: bootstrap servers, topic, kind of the records, events to count."""

    bootstrap: str
    topic: str
    kind: str
    events: int

    @classmethod
    def read(cls) -> Arguments:
        """Read the command line."""
        bootstrap, topic, kind, events = sys.argv[1:]
        return cls(bootstrap, topic, kind, int(events))


Fields = tuple[str, float, int, int]


def fields_of(kind: str) -> Callable[[dict[str, Any]], Fields]:
    """Return what takes account, time (epoch s), input and output tokens from a parsed record."""
    if kind == "litellm":
        return lambda row: (
            row["metadata"]["user_api_key_hash"],
            row["startTime"],
            row["prompt_tokens"],
            row["completion_tokens"],
        )
    return lambda row: (
        row["account_id"],
        row["timestamp"],
        row["input_tokens"],
        row["output_tokens"],
    )
