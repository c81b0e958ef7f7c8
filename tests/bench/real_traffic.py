"""Canonical events made of real client traces and real people's prompts, in time order.

No public set has real customers and real attackers on one gateway: this is a composite of
sources, "benign" is an assumption, and whoever prints a figure from it must say so.

- ServeGen: each client gives as many accounts as whole spans fit into its 14 days (disjoint
  starts, whole days, the time of day is kept). Every client's rates are divided by the square
  root of its 14-day total, else a single client would be half of the traffic; then all by one
  constant so that about ``--events`` come out in all (the campaign comes on top). Gaps keep the
  window's family and shape, lengths the window's distributions (input and output drawn
  independently, 512 quantiles).
- Azure and Mooncake: the split is stated in real_sources; each account plays its part of the
  hour at the recorded speed, starting between 06:00 and 22:00 of a random day.
- Programmers likewise; the other prompts, each once, go to the light accounts that are left up
  to ``--accounts``, at random moments between 07:00 and 23:00.
- Attributes, independently per account: a fifth belong to companies of about twelve, which share
  an office address, every second company also a payment; the others have 1 to 3 addresses
  (ServeGen clients 1 to 6) and their own payment; 6 % are 0 to 20 days old, the others 60 to
  1,500; one of eight user agents, Zipf weights; model and plan drawn.
- ``--campaign pool``: 40 accounts 0 to 7 days old at the start of their activity (a third of the
  span in), 857 requests a day each around the clock (the published peak), one instruction before
  the Alpaca items, 8 payments, 2,000 addresses.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import real_sources as sources
from real_attributes import DAY, START, Attributes, Timed
from real_sources import WINDOW_S, Arrival, Client

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TRACE_DAYS: Final = 14
_POOL: Final = 40
_POOL_A_DAY: Final = 857.0


@dataclass
class Stretch:
    """An account on a stretch of a client's days; ``ahead`` is the load until its next request."""

    account: str
    client: Client
    first: int
    scale: float
    ahead: float

    def day(self, day: int, rng: np.random.Generator) -> Iterator[Timed]:
        """The requests of one day of the span."""
        windows = DAY // WINDOW_S
        for window in range(windows):
            source = self.first + day * windows + window
            load = self.client.rates[source] * WINDOW_S * self.scale
            if load <= 0:
                continue
            places = self._walk(load, source, rng)
            if not len(places):
                continue
            inputs, outputs = self.client.lengths_at(source)
            base = START + day * DAY + window * WINDOW_S
            for place, input_tokens, output_tokens in zip(
                places, rng.choice(inputs, len(places)), rng.choice(outputs, len(places)),
                strict=True,
            ):  # fmt: skip
                at = base + place / load * WINDOW_S
                yield Timed(at, self.account, int(input_tokens), int(output_tokens))

    def _walk(self, load: float, source: int, rng: np.random.Generator) -> np.ndarray:
        """Renewals in operational time: gaps of mean one with the window's own shape."""
        found = [np.empty(0)]
        shape = self.client.shapes[source]
        gamma = self.client.gamma[source]
        while self.ahead < load:
            raw = (rng.gamma if gamma else rng.weibull)(shape, size=int(load - self.ahead) + 2)
            mean = shape if gamma else _weibull_mean(shape)
            places = self.ahead + np.concatenate(([0.0], np.cumsum(raw / mean)))
            found.append(places[:-1][places[:-1] < load])
            self.ahead = float(places[min(int(np.searchsorted(places, load)), len(places) - 1)])
        self.ahead -= load
        return np.concatenate(found)


def _weibull_mean(shape: float) -> float:
    return math.exp(math.lgamma(1 + 1 / shape))


def stretches(data: Path, days: int, events: int, rng: np.random.Generator) -> list[Stretch]:
    """All accounts of the client traces, scaled to ``events`` in expectation."""
    windows = DAY // WINDOW_S
    found = [
        Stretch(
            f"client-{client.name}-{turn}",
            client,
            turn * days * windows,
            1 / np.sqrt(client.rates.sum() * WINDOW_S),
            float(rng.exponential()),
        )
        for client in sources.clients(data)
        for turn in range(_TRACE_DAYS // days)
    ]
    total = sum(
        part.client.rates[part.first : part.first + days * windows].sum() * WINDOW_S * part.scale
        for part in found
    )
    for part in found:
        part.scale *= events / total
    return found


def people(data: Path, days: int, light: int, rng: np.random.Generator) -> list[Timed]:
    """Everything that is not a client trace; ``light`` bounds the accounts with prompts."""
    starts: defaultdict[str, float] = defaultdict(
        lambda: START + rng.integers(days) * DAY + rng.uniform(6, 22) * 3600
    )
    arrivals: list[Arrival] = [
        *sources.azure(data, "code", 150, rng),
        *sources.azure(data, "conv", 250, rng),
        *sources.mooncake(data, 200),
        *sources.programmers(data),
    ]
    found = [Timed(starts[row.account] + row.at_s, *_rest(row)) for row in arrivals]
    light -= len(starts)
    for prompt in sources.prompts(data):
        at = START + rng.integers(days) * DAY + rng.uniform(7, 23) * 3600
        tokens = max(1, len(prompt) // 4), int(rng.lognormal(5.5, 0.8))
        found.append(Timed(at, f"person-{rng.integers(max(1, light)):04}", *tokens, prompt))
    return [event for event in found if event.at < START + days * DAY]


def _rest(row: Arrival) -> Sequence[Any]:
    return row.account, row.input_tokens, row.output_tokens, row.prompt, row.fingerprint


def pool(data: Path, days: int, rng: np.random.Generator) -> Iterator[Timed]:
    """The planted campaign."""
    instruction, items = sources.extraction(data)
    begin = START + days * DAY / 3
    at = np.sort(rng.uniform(begin, START + days * DAY, int(_POOL * _POOL_A_DAY * days * 2 / 3)))
    for number, moment in enumerate(at):
        prompt = f"{instruction}\n{items[number % len(items)]}"
        tokens = len(prompt) // 4, int(rng.lognormal(6, 0.6))
        yield Timed(float(moment), f"pool-{rng.integers(_POOL):02}", *tokens, prompt)


def main() -> None:
    """Write the events, and on request the labels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--accounts", type=int, default=1500)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--campaign", choices=("pool",))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()
    written = write(options)
    print(f"{written:,} events to {options.out}")


def write(options: argparse.Namespace) -> int:
    """Generate day by day: in memory are one day of the clients, and the smaller sources."""
    rng = np.random.default_rng(options.seed)
    days, written = options.days, 0
    clients = stretches(options.data, days, options.events, rng)
    light = options.accounts - len(clients)
    others = people(options.data, days, light, rng)
    for part in clients:
        part.scale *= max(0.0, 1 - len(others) / options.events)
    if options.campaign:
        others += pool(options.data, days, np.random.default_rng(options.seed + 1))
    attributes = Attributes(np.random.default_rng(options.seed + 2), days)
    encode = msgspec.json.Encoder().encode
    with options.out.open("wb") as file:
        for day in range(days):
            begin = START + day * DAY
            today = [event for event in others if begin <= event.at < begin + DAY]
            today += (event for part in clients for event in part.day(day, rng))
            for event in sorted(today, key=lambda event: event.at):
                file.write(encode(attributes.event(event)) + b"\n")
            written += len(today)
    if options.labels:
        _label(options.labels, attributes.accounts())
    return written


def _label(path: Path, accounts: list[str]) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("account_id", "label", "campaign_id"))
        for account in accounts:
            planted = account.startswith("pool-")
            table.writerow((account, *(("attack", "pool") if planted else ("benign", ""))))


if __name__ == "__main__":
    main()
