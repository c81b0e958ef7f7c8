"""What the topics hold: the backlog of some minutes of a busy gateway.

Accounts have a heavy tail. Events are keyed by account, so that no competitor has to partition them
anew (ours does, always). Every partition ends with one event of an hour later and of no tokens: it
closes the windows of everybody.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PARTITIONS: Final = 4
ACCOUNTS: Final = 50_000
_LATER_S: Final = 3600.0
_TAIL: Final = 1.7  # sigma of the logarithm of an account's share
_CHUNK: Final = 10_000
_WORDS: Final = 160
_SAMPLE: Final = Path(__file__).parents[2] / "samples" / "litellm_payloads.jsonl"


@dataclass(frozen=True, slots=True)
class Kind:
    """A topic: how many events of what, at which density of event time."""

    name: str
    title: str
    events: int
    quick: int
    per_second: float


KINDS: Final = (
    Kind("canonical", "events of 350 B without text", 2_000_000, 100_000, 10_000.0),
    Kind("text", "events with 1 kB of prompt text", 300_000, 20_000, 3_000.0),
    Kind("litellm", "LiteLLM payloads of 12 kB", 100_000, 5_000, 1_000.0),
)


@dataclass(slots=True)
class Expected:
    """What a competitor that reads the topic has to come to: the proof that it counted all."""

    topic: str
    events: int = 0
    tokens: int = 0
    accounts: int = 0
    last_step: float = 0.0  # end of the last window with events, epoch seconds


@dataclass(frozen=True, slots=True)
class Row:
    """One event, before it is written in a format."""

    number: int
    at: float
    account: int
    input_tokens: int
    output_tokens: int


Written = tuple[bytes, bytes, int]  # key, value, partition


def records(kind: Kind, events: int, ends_at: float, found: Expected) -> Iterator[Written]:
    """Yield a topic's records in time order and add them to ``found``; the last are at ``ends_at``.

    Those that close the windows come an hour later.
    """
    rng = np.random.default_rng(6)
    write = _WRITERS[kind.name](rng)
    weights = np.exp(_TAIL * rng.standard_normal(ACCOUNTS))
    shares = np.cumsum(weights / weights.sum())
    names = [f"acct_{i * 0x9E3779B97F4A7 % (1 << 56):014x}" for i in range(ACCOUNTS)]
    began = ends_at - events / kind.per_second
    seen = np.zeros(ACCOUNTS, bool)
    for first in range(0, events, _CHUNK):
        count = min(_CHUNK, events - first)
        accounts = np.minimum(np.searchsorted(shares, rng.random(count)), ACCOUNTS - 1)
        inputs, outputs = rng.geometric(1 / 400, count), rng.geometric(1 / 300, count)
        seen[accounts] = True
        found.events, found.tokens = found.events + count, found.tokens + int(outputs.sum())
        rows = zip(accounts.tolist(), inputs.tolist(), outputs.tolist(), strict=True)
        for i, (account, input_tokens, output_tokens) in enumerate(rows, first):
            at = round(began + i / kind.per_second, 3)
            name = names[account]
            value = write(Row(i, at, account, input_tokens, output_tokens), name)
            yield name.encode(), value, zlib.crc32(name.encode()) % PARTITIONS
    found.accounts = int(seen.sum())
    found.last_step = (ends_at // 60 + 1) * 60
    for partition in range(PARTITIONS):
        name = f"closing_{partition}"
        row = Row(events + partition, ends_at + _LATER_S, partition, 0, 0)
        yield name.encode(), write(row, name), partition


def _canonical(_: np.random.Generator) -> Callable[[Row, str], bytes]:
    return lambda row, name: _event(row, name, "")


def _text(rng: np.random.Generator) -> Callable[[Row, str], bytes]:
    say = _sentences(rng)

    def write(row: Row, name: str) -> bytes:
        return _event(row, name, f',"prompt":"{say()}"')

    return write


def _event(row: Row, name: str, more: str) -> bytes:
    """Return what a gateway writes: about 350 bytes without text."""
    a = row.account
    return (
        f'{{"timestamp":{row.at:.3f},"request_id":"req-{row.number:09x}","account_id":"{name}",'
        f'"api_key_id":"key-{a:05x}","model":"atlas-{"mini" if row.number % 4 else "large"}",'
        f'"client_ip":"10.{a >> 12 & 255}.{a >> 4 & 255}.{a & 15}",'
        f'"user_agent":"OpenAI/Python 1.{a % 97}.{a % 7}",'
        f'"tls_fingerprint":"t13d1516h2_{a % 97:04x}","payment_id":"card-{a:06x}",'
        f'"account_created_at":{1.7e9 + 997 * a:.0f},"plan":"payg","operation":"chat",'
        f'"input_tokens":{row.input_tokens},"output_tokens":{row.output_tokens},'
        f'"status":200,"duration_s":{row.output_tokens / 100:.2f},"stream":true,'
        f'"temperature":0.7{more}}}'
    ).encode()


def _litellm(rng: np.random.Generator) -> Callable[[Row, str], bytes]:
    """Return a writer of the real proxy's payload with other values in a few places."""
    say = _sentences(rng)
    payload = json.loads(_SAMPLE.read_text().splitlines()[0])
    payload |= {"id": "@id", "startTime": "@start", "prompt_tokens": "@in"}
    payload |= {"completion_tokens": "@out", "requester_ip_address": "@ip"}
    payload["metadata"]["user_api_key_hash"] = "@account"
    payload["messages"] = [{"role": "user", "content": "@prompt"}]
    template = json.dumps(payload, separators=(",", ":")).replace("%", "%%")
    for place in ("start", "in", "out"):
        template = template.replace(f'"@{place}"', f"%({place})s")
    for place in ("id", "ip", "account", "prompt"):
        template = template.replace(f'"@{place}"', f'"%({place})s"')

    def write(row: Row, name: str) -> bytes:
        a = row.account
        values: dict[str, Any] = {
            "id": f"chatcmpl-{row.number:09x}",
            "start": f"{row.at:.3f}",
            "account": name,
        }
        values |= {"in": row.input_tokens, "out": row.output_tokens, "prompt": say()[:200]}
        values["ip"] = f"10.{a >> 12 & 255}.{a >> 4 & 255}.{a & 15}"
        return (template % values).encode()

    return write


def _sentences(rng: np.random.Generator) -> Callable[[], str]:
    """Return what says a thousand characters of words, never the same."""
    letters = np.array(list("etaoinshrdlucmfwypvbgk"))
    words = ["".join(rng.choice(letters, 1 + rng.poisson(4))) for _ in range(5_000)]

    def say() -> str:
        return " ".join([words[i] for i in rng.integers(0, len(words), _WORDS).tolist()])

    return say


_WRITERS: Final = {"canonical": _canonical, "text": _text, "litellm": _litellm}
