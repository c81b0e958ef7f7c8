"""Accounts that follow real traces: when they ask, how long it is, and what real people wrote.

The traces have no ids, papers, networks or clients: those come from simulated accounts, which
take over the trace's behaviour.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import real_sources as sources
from real_sources import WINDOW_S

from quality.plan import DAY_S
from stream.tools.simulate.account import QUANTILES, Text, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from real_sources import Arrival, Client

    from quality.plan import Plan
    from stream.tools.simulate.account import Account, Writer
    from stream.tools.simulate.dice import Dice

_MOST_VARIATION: Final = 6.0
#: Prompts of a person who writes real people's, on average at most.
_PROMPTS_EACH: Final = 8
#: Days on which the hour of an account of an hourly trace is played, mean of a geometric draw.
_DAYS_AGAIN: Final = 1.6


class Followed:
    """The rate of a client's ten-minute windows, scaled."""

    def __init__(self, rates: NDArray[np.float64], start_s: float) -> None:
        """``rates`` in requests per second from ``start_s`` on."""
        self._rates = rates.tolist()
        self._start_s = start_s

    def rate(self, at_s: float, step_s: float, dice: Dice) -> float:  # noqa: ARG002 - protocol
        """Return the rate of the window."""
        return self._rates[int((at_s - self._start_s) // WINDOW_S)]


class Recorded:
    """Recorded moments, to the resolution of a step."""

    def __init__(self, times: Iterable[float]) -> None:
        """``times`` in epoch seconds."""
        self._left = sorted(times, reverse=True)

    def rate(self, at_s: float, step_s: float, dice: Dice) -> float:  # noqa: ARG002 - protocol
        """Return as much as brings the requests of the step."""
        count = 0
        while self._left and self._left[-1] < at_s + step_s:
            self._left.pop()
            count += 1
        return count / step_s


def clients(data: Path, plan: Plan, accounts: Sequence[Account]) -> Iterator[Account]:
    """Give accounts the weeks of the clients of a production API.

    A client's rates are divided by the root of its total, or a single one would be half of the
    traffic; then all by one constant.
    """
    windows = int(plan.days * DAY_S // WINDOW_S)
    turns = [
        (client, first)
        for client in sources.clients(data)
        for first in range(0, len(client.rates) - windows + 1, windows)
    ]
    chosen = plan.rng("clients").permutation(len(turns))[: len(accounts)]
    parts = [turns[place] for place in chosen]
    rates = [
        client.rates[first : first + windows] / np.sqrt(client.rates.sum() * WINDOW_S)
        for client, first in parts
    ]
    scale = plan.crowd.clients_events / sum(part.sum() * WINDOW_S for part in rates)
    for account, (client, first), part in zip(accounts, parts, rates, strict=False):
        yield replace(
            account,
            rhythm=Followed(part * scale, plan.start_s),
            tokens=replace(account.tokens, measured=_lengths(client, first, windows)),
            calls=replace(account.calls, max_tokens=None),
            cv=_variation(client, first, windows),
        )


def _lengths(client: Client, first: int, windows: int) -> tuple[NDArray, NDArray]:
    busy = [w for w in range(first, first + windows) if client.rates[w] > 0] or [first]
    some = busy[:: max(1, len(busy) // 64)]
    tables = [client.lengths_at(window) for window in some]
    weights = client.rates[some] + 1e-12
    return (
        _mixed([table[0] for table in tables], weights),
        _mixed([table[1] for table in tables], weights),
    )


def _mixed(tables: Sequence[NDArray], weights: NDArray) -> NDArray[np.int32]:
    """Return the quantiles of a mixture of distributions that are given by theirs."""
    values = np.concatenate(tables)
    order = np.argsort(values)
    ranks = np.cumsum(np.repeat(weights, [len(table) for table in tables])[order])
    wanted = (np.arange(QUANTILES) + 0.5) / QUANTILES * ranks[-1]
    return values[order][np.searchsorted(ranks, wanted)].astype(np.int32)


def _variation(client: Client, first: int, windows: int) -> float:
    """Return the coefficient of variation of the gaps, the median over the requests."""
    span = slice(first, first + windows)
    shape, rates = client.shapes[span], client.rates[span]
    gamma = 1 / np.sqrt(shape)
    # Weibull: the variance of the gaps over their squared mean, by the gamma function.
    grown = np.array([_weibull_variation(value) for value in shape])
    found = np.where(client.gamma[span], gamma, grown)
    order = np.argsort(found)
    ranks = np.cumsum(rates[order])
    if not ranks[-1]:
        return 1.0
    middle = found[order][np.searchsorted(ranks, ranks[-1] / 2)]
    return float(np.clip(middle, 0.3, _MOST_VARIATION))


def _weibull_variation(shape: float) -> float:
    shape = max(shape, 0.15)
    return math.sqrt(math.exp(math.lgamma(1 + 2 / shape) - 2 * math.lgamma(1 + 1 / shape)) - 1)


def hourly(
    arrivals: Iterable[Arrival], plan: Plan, accounts: Sequence[Account]
) -> Iterator[Account]:
    """Give accounts the parts of an hour's trace, on one day or several, at daytime."""
    by_name: defaultdict[str, list[Arrival]] = defaultdict(list)
    for row in arrivals:
        by_name[row.account].append(row)
    names = sorted(by_name)
    rng = plan.rng("hourly", names[0].partition("-")[0])
    chosen = rng.permutation(len(names))[: len(accounts)]
    for account, place in zip(accounts, chosen, strict=False):
        rows = by_name[names[place]]
        days = rng.permutation(plan.days)[: rng.geometric(1 / _DAYS_AGAIN)]
        times = [
            plan.start_s + (day + hour / 24) * DAY_S + row.at_s
            for day, hour in zip(days, rng.uniform(6, 22, len(days)), strict=True)
            for row in rows
        ]
        yield replace(account, rhythm=Recorded(times), tokens=_measured(account, rows))


def programmers(
    plan: Plan, known: dict[str, list[Arrival]], accounts: Sequence[Account]
) -> Iterator[Account]:
    """Give accounts the sessions of real programmers: their pace and their messages."""
    rng = plan.rng("programmers")
    for account, rows in zip(accounts, known.values(), strict=False):
        start = plan.start_s + (rng.integers(plan.days) + rng.uniform(6, 22) / 24) * DAY_S
        yield replace(
            account,
            rhythm=Recorded(start + row.at_s for row in rows),
            writer=saying([row.prompt for row in rows if row.prompt], account.writer),
        )


def writers(plan: Plan, prompts: Sequence[str], accounts: Sequence[Account]) -> Iterator[Account]:
    """Deal real people's prompts to accounts, each once, at random moments of the day."""
    rng = plan.rng("writers")
    if not accounts:
        return
    # As many for each of few accounts as for each of many: who writes more repeats others more.
    most = rng.permutation(len(prompts))[: _PROMPTS_EACH * len(accounts)]
    prompts = [prompts[place] for place in most]
    # A few write much, most a little.
    odds = rng.gamma(1.2, size=len(accounts))
    dealt = rng.choice(len(accounts), len(prompts), p=odds / odds.sum())
    for number, account in enumerate(accounts):
        own = [prompts[place] for place in np.flatnonzero(dealt == number)]
        days = rng.integers(plan.days, size=len(own))
        times = plan.start_s + (days + rng.uniform(7, 23, len(own)) / 24) * DAY_S
        yield replace(account, rhythm=Recorded(times), writer=saying(own, account.writer))


def documented(
    plan: Plan, accounts: Sequence[Account], documents: Sequence[str]
) -> Iterator[Account]:
    """Let every third product be about real prose, of which each has its own part."""
    rng = plan.rng("documents")
    chosen = list(accounts[::3]) if documents else []
    order = rng.permutation(len(documents))
    parts = np.array_split(order, max(len(chosen), 1))
    own = {a.account_id: part for a, part in zip(chosen, parts, strict=False)}
    for account in accounts:
        part = own.get(account.account_id)
        if part is None:
            yield account
        else:
            yield replace(account, writer=_about(account.writer, [documents[i] for i in part]))


def _about(product: Writer, documents: list[str]) -> Writer:
    """Write what a product would, with a real document in place of its material."""

    def write(dice: Dice) -> Text:
        system, prompt = product(dice)
        frame = prompt.partition("\n\n")[0]
        return Text(system, f"{frame}\n\n{dice.pick(documents)}")

    return write


def saying(texts: list[str], then: Writer) -> Writer:
    """Write each of the texts once, and what the account would have written after them."""
    left = iter(texts)

    def write(dice: Dice) -> Text:
        text = next(left, None)
        return then(dice) if text is None else Text(None, text)

    return write


def _measured(account: Account, rows: Sequence[Arrival]) -> Tokens:
    wanted = (np.arange(QUANTILES) + 0.5) / QUANTILES
    inputs = np.quantile([row.input_tokens for row in rows], wanted).astype(np.int32)
    outputs = np.quantile([row.output_tokens for row in rows], wanted).astype(np.int32)
    return replace(account.tokens, measured=(inputs, outputs))
