"""Requests of all accounts in time order; it holds one step of simulated time and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from stream.tools.simulate.account import QUANTILES
from stream.tools.simulate.arrivals import RenewalProcess
from stream.tools.simulate.dice import Dice
from stream.tools.simulate.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from stream.tools.simulate.account import Account
    from stream.tools.simulate.request import ChatMessage

STEP_S = 120.0
"""Rates are constant over this many seconds of simulated time."""
_MAX_TOKENS = 60_000
_SECONDS_PER_TOKEN = 0.017
_CHARACTERS_PER_TOKEN = 4


class _Client:
    """One account while it runs: the address and software that it has at the moment."""

    __slots__ = ("account", "address", "arrivals", "key", "software")

    def __init__(self, account: Account, rng: np.random.Generator, dice: Dice) -> None:
        self.account = account
        self.arrivals = RenewalProcess(account.cv, rng)
        self.address = dice.pick(account.origin.addresses)
        self.software = dice.pick(account.origin.software)
        self.key = "key_" + account.account_id[5:]


class _Lengths:
    """Token counts of many requests at once."""

    def __init__(self, accounts: Sequence[Account], rng: np.random.Generator) -> None:
        self._rng = rng
        tokens = [account.tokens for account in accounts]
        self._input_mu = np.log([t.input_median for t in tokens])
        self._input_sigma = np.array([t.input_sigma for t in tokens])
        self._output_mu = np.log([t.output_median for t in tokens])
        self._output_sigma = np.array([t.output_sigma for t in tokens])
        self._limit = np.array([a.calls.max_tokens or _MAX_TOKENS for a in accounts])
        measured = [t.measured for t in tokens if t.measured is not None]
        self._measured = np.array(measured, np.float64).reshape(-1, 2, QUANTILES)
        has = np.array([t.measured is not None for t in tokens], bool)
        self._row = np.where(has, np.cumsum(has) - 1, -1)

    def draw(self, who: NDArray[np.int64]) -> tuple[list[int], list[int], list[float]]:
        """Input tokens, output tokens and seconds of the requests of accounts ``who`` (n,)."""
        z = self._rng.standard_normal((3, len(who)))
        into = np.exp(self._input_mu[who] + self._input_sigma[who] * z[0])
        out = np.exp(self._output_mu[who] + self._output_sigma[who] * z[1])
        if len(self._measured):
            row = self._row[who]
            place = self._rng.integers(QUANTILES, size=(2, len(who)))
            into = np.where(row >= 0, self._measured[row, 0, place[0]], into)
            out = np.where(row >= 0, self._measured[row, 1, place[1]], out)
        out = np.minimum(out, self._limit[who])
        seconds = (0.25 + out * _SECONDS_PER_TOKEN) * np.exp(0.3 * z[2])
        whole = np.minimum(into, _MAX_TOKENS).astype(np.int64).tolist()
        return whole, np.maximum(out, 1).astype(np.int64).tolist(), np.round(seconds, 3).tolist()


def requests(
    accounts: Sequence[Account],
    rng: np.random.Generator,
    *,
    start_s: float,
    span_s: float,
    text: bool = True,
) -> Iterator[Request]:
    """Yield the requests of ``accounts`` in [start_s, start_s + span_s), ascending in time.

    ``text=False`` leaves prompts and system prompts out and draws nothing for them.
    """
    return (
        request
        for _, request in attributed(accounts, rng, start_s=start_s, span_s=span_s, text=text)
    )


def attributed(
    accounts: Sequence[Account],
    rng: np.random.Generator,
    *,
    start_s: float,
    span_s: float,
    text: bool = True,
) -> Iterator[tuple[Account, Request]]:
    """Yield the same with the account that each request is of.

    An account id may stand several times in ``accounts``: each then is a part of its traffic.
    """
    gaps, dies, lengths_rng = rng.spawn(3)
    dice = Dice(dies)
    clients = [_Client(account, gaps, dice) for account in accounts]
    lengths = _Lengths(accounts, lengths_rng)
    number = 0
    for step in range(int(np.ceil(span_s / STEP_S))):
        at_s = start_s + step * STEP_S
        step_s = min(STEP_S, start_s + span_s - at_s)
        times: list[tuple[float, int]] = []
        for index, client in enumerate(clients):
            rate = client.account.rhythm.rate(at_s, STEP_S, dice)
            if rate > 0.0:
                times.extend((t, index) for t in client.arrivals.between(at_s, step_s, rate))
        times.sort()
        who = np.fromiter((index for _, index in times), np.int64, len(times))
        into, out, seconds = lengths.draw(who)
        for row, (time_s, index) in enumerate(times):
            number += 1
            request = _request(
                clients[index], time_s, into[row], out[row], seconds[row], dice, text
            )
            request.request_id = f"req-{number:09x}"
            yield clients[index].account, request


def _request(
    client: _Client,
    time_s: float,
    into: int,
    out: int,
    seconds: float,
    dice: Dice,
    text: bool,  # noqa: FBT001 - as above
) -> Request:
    account = client.account
    calls = account.calls
    origin = account.origin
    paper = account.paper
    if origin.moves and dice.unit() < origin.moves:
        client.address = dice.pick(origin.addresses)
    if origin.restarts and dice.unit() < origin.restarts:
        client.software = dice.pick(origin.software)
    system: str | None = None
    prompt: str | None = None
    messages: list[ChatMessage] | None = None
    dialogue = account.dialogue
    if dialogue is not None:
        turn = dialogue.turn(time_s, into, (lambda: account.writer(dice)) if text else None)
        system, prompt = turn.text or (None, None)
        messages, into = turn.messages, turn.input_tokens
    elif text:
        system, prompt = account.writer(dice)
        # The text costs at least its length; the rest of the input is the conversation so far.
        length = len(prompt) + (len(system) if system else 0)
        into = max(into, length // _CHARACTERS_PER_TOKEN)
    status = _status(dice, calls.errors, calls.limited)
    if status != 200:  # noqa: PLR2004 - HTTP OK
        out, seconds = 0, 0.05
    response = dialogue.answered(time_s, out) if dialogue is not None else None
    tokens = account.tokens
    return Request(
        timestamp=round(time_s, 3),
        account_id=account.account_id,
        model=dice.pick(calls.models),
        api_key_id=client.key,
        organization_id=paper.organization_id,
        client_ip=client.address.ip,
        asn=client.address.asn,
        country=client.address.country,
        user_agent=client.software.agent,
        tls_fingerprint=client.software.tls,
        payment_id=paper.payment_id,
        account_created_at=paper.created_at,
        plan=paper.plan,
        operation="chat",
        input_tokens=into,
        output_tokens=out,
        cached_tokens=int(into * tokens.cached_share) if tokens.cached_share else None,
        reasoning_tokens=int(out * tokens.reasoning_share) if tokens.reasoning_share else None,
        status=status,
        duration_s=seconds,
        stream=dice.unit() < calls.stream if calls.stream else False,
        temperature=dice.pick(calls.temperatures),
        max_tokens=calls.max_tokens,
        logprobs=True if calls.logprobs and dice.unit() < calls.logprobs else None,
        system_prompt=system,
        prompt=prompt,
        messages=messages,
        response=response,
    )


def _status(dice: Dice, errors: float, limited: float) -> int:
    luck = dice.unit()
    if luck < limited:
        return 429
    if luck < limited + errors:
        return 500 if luck < limited + errors / 3 else 400
    return 200
