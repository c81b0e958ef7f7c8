"""Events to columns: every string but the account id becomes a keyed fingerprint."""

from __future__ import annotations

import ipaddress
import math
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from stream.fingerprint.keyed import KeyedHash
from stream.fingerprint.text import normalise, opening
from stream.types.events import EVENT_COLUMNS, FLAG_LOGPROBS, FLAG_STREAM, EventBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.codec.event import RequestEvent
    from stream.types.batch import Array

#: Column -> (field of the event, normal form). Values of these columns recur.
_RECURRING: Final[dict[str, tuple[str, Callable[[str], str]]]] = {
    "model": ("model", str),
    "operation": ("operation", str),
    "api_key": ("api_key_id", str),
    "organization": ("organization_id", str),
    "country": ("country", str.upper),
    "user_agent": ("user_agent", str),
    "tls": ("tls_fingerprint", str.lower),
    "payment": ("payment_id", str),
    "plan": ("plan", str),
    "system_prompt": ("system_prompt", normalise),
}
_COUNTS: Final = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cached_tokens": "cached_tokens",
    "reasoning_tokens": "reasoning_tokens",
    "max_tokens": "max_tokens",
    "status": "status",
}
_FLOATS: Final = {
    "created_at": "account_created_at",
    "duration_s": "duration_s",
    "temperature": "temperature",
}


class Fingerprinter:
    """Turns decoded events into columns; the same salt gives the same fingerprints everywhere."""

    def __init__(self, salt: bytes) -> None:
        """Key all fingerprints with ``salt``."""
        self._recurring = {
            column: KeyedHash(salt, column, prepare) for column, (_, prepare) in _RECURRING.items()
        }
        self._address = KeyedHash(salt, "address", address)
        self._network = KeyedHash(salt, "network", network)
        self._prompt = KeyedHash(salt, "prompt", normalise)
        self._given = KeyedHash(salt, "prompt")
        self._template = KeyedHash(salt, "template", opening)

    def columns(self, events: Sequence[RequestEvent], offsets: Sequence[int]) -> EventBatch:
        """Return the events as columns; ``offsets`` has the source offset of each."""
        n = len(events)
        accounts, index = _indexed([event.account_id for event in events])
        columns: dict[str, Array] = {
            "offset": np.array(offsets, np.int64),
            "account": index,
            "time": np.fromiter((event.timestamp for event in events), np.float64, n),
            "flags": self._flags(events),
        }
        for column, field in _COUNTS.items():
            columns[column] = _numbers(events, field, 0)
        for column, field in _FLOATS.items():
            columns[column] = _numbers(events, field, math.nan)
        for column, (field, _) in _RECURRING.items():
            columns[column] = self._recurring[column].remembered(map(attrgetter(field), events), n)
        addresses = [event.client_ip for event in events]
        columns["address"] = self._address.remembered(addresses, n)
        columns["network"] = self._network.remembered(map(_network_of, events), n)
        columns["prompt"] = self._prompts(events)
        columns["template"] = self._template.fresh((event.prompt for event in events), n)
        return EventBatch(
            accounts, {name: columns[name].astype(dtype) for name, dtype in EVENT_COLUMNS.items()}
        )

    @staticmethod
    def _flags(events: Sequence[RequestEvent]) -> Array:
        return np.fromiter(
            (
                (FLAG_STREAM if event.stream else 0) | (FLAG_LOGPROBS if event.logprobs else 0)
                for event in events
            ),
            np.uint8,
            len(events),
        )

    def _prompts(self, events: Sequence[RequestEvent]) -> Array:
        text, given = self._prompt.one, self._given.one
        return np.fromiter(
            (
                text(event.prompt) if event.prompt else given(event.prompt_fingerprint)
                for event in events
            ),
            np.uint64,
            len(events),
        )


def address(text: str) -> str:
    """Return an address in its one normal form; a port or what is no address stays as it is."""
    try:
        return str(ipaddress.ip_address(text.strip().strip("[]")))
    except ValueError:
        return text.strip()


def network(text: str) -> str:
    """Return the network of an address: its /24 or /48, or the text given (``AS64500``)."""
    try:
        parsed = ipaddress.ip_address(text.strip().strip("[]"))
    except ValueError:
        return text.strip()
    prefix = 24 if parsed.version == 4 else 48  # noqa: PLR2004 - IP versions
    return str(ipaddress.ip_network((parsed, prefix), strict=False))


def _network_of(event: RequestEvent) -> str | None:
    return event.client_ip if event.asn is None else f"AS{event.asn}"


def _indexed(accounts: list[str]) -> tuple[list[str], Array]:
    distinct = list(dict.fromkeys(accounts))
    code = {account: i for i, account in enumerate(distinct)}
    return distinct, np.fromiter(map(code.__getitem__, accounts), np.uint32, len(accounts))


def _numbers(events: Sequence[RequestEvent], field: str, absent: float) -> Array:
    values: list[Any] = [getattr(event, field) for event in events]
    return np.array([absent if value is None else value for value in values], np.float64)
