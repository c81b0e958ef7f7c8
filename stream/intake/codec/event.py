"""The canonical request event, as every format decodes into it.

Holds the only copy of a prompt's text in the product, for as long as its batch is being
fingerprinted; its ``repr`` does not show it. What the client alone decides (``temperature``,
``max_tokens``, lengths of texts) is brought into range and never refused: else a client could
keep its requests out of sight. A bad optional field costs that field, not the event.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta, Struct

from stream.core.errors import DecodeError
from stream.core.events import MAX_ACCOUNT_BYTES
from stream.intake.codec.messages import (
    MAX_PLACEHOLDER,
    decoded,
    first_turn,
    is_placeholder,
    texts,
)

#: Counts travel as 32-bit integers.
MAX_COUNT: Final = 2**31 - 1
MAX_DURATION_S: Final = 1e7
MAX_TEMPERATURE: Final = 1000.0
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
Duration = Annotated[float, Meta(ge=0, le=MAX_DURATION_S)]

if TYPE_CHECKING:
    from collections import Counter

    Seconds = float
else:
    # On the wire a time is a number or an RFC 3339 string; `admit` leaves epoch seconds.
    Seconds = float | Annotated[datetime, Meta(tz=True)]


class RequestEvent(Struct, kw_only=True, gc=False):
    """One request to a model; the contract's fields. None: not in the record."""

    timestamp: Seconds
    account_id: str
    model: str
    request_id: str | None = None
    api_key_id: str | None = None
    organization_id: str | None = None
    client_ip: str | None = None
    asn: Annotated[int, Meta(ge=0, le=2**32 - 1)] | None = None
    country: str | None = None
    user_agent: str | None = None
    tls_fingerprint: str | None = None
    payment_id: str | None = None
    account_created_at: Seconds | None = None
    plan: str | None = None
    operation: str | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cached_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    status: Annotated[int, Meta(ge=0, le=999)] | None = None
    duration_s: Duration | None = None
    stream: bool | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    logprobs: bool | None = None
    system_prompt: str | None = None
    prompt: str | None = None
    prompt_fingerprint: str | None = None
    #: The first answer in the context, and what it answered; None while nothing is answered.
    first_prompt: str | None = None
    first_answer: str | None = None
    #: The text of the answer to this request, where the gateway logs it.
    response: str | None = None
    #: The conversation as the client sent it; `admit` leaves the texts above of it.
    messages: Any = None

    def __rich_repr__(self) -> Any:  # noqa: ANN401 - rich's protocol
        """Show when it was, never who or what."""
        yield "timestamp", self.timestamp

    def __repr__(self) -> str:
        """Show when it was, never who or what."""
        return f"RequestEvent(timestamp={self.timestamp!r})"


def admit(  # noqa: C901 - one call an event: what it does is not spread over more
    event: RequestEvent, oldest: float, latest: float, dropped: Counter[str]
) -> None:
    """Check a decoded event beyond its types; ``oldest`` and ``latest`` are epoch seconds.

    Leaves times as epoch seconds, the client's own numbers in range, and no placeholder texts.
    ``dropped`` counts optional fields that are left out. Raises DecodeError.
    """
    time = event.timestamp
    if type(time) is not float:
        event.timestamp = time = _epoch(time)
    if not oldest <= time <= latest:
        raise DecodeError("bad_timestamp", _absurd(time))
    account = event.account_id
    if not (account.isascii() and account.isprintable() and 0 < len(account) <= MAX_ACCOUNT_BYTES):
        check_account(account)
    created = event.account_created_at
    if created is not None:
        if type(created) is not float:
            event.account_created_at = created = _epoch(created)
        if not 0 <= created <= latest:
            event.account_created_at = None
            dropped["account_created_at"] += 1
    limit, temperature = event.max_tokens, event.temperature
    if limit is not None and not 0 <= limit <= MAX_COUNT:
        event.max_tokens = 0 if limit < 0 else MAX_COUNT
    if temperature is not None and not -MAX_TEMPERATURE <= temperature <= MAX_TEMPERATURE:
        event.temperature = math.copysign(MAX_TEMPERATURE, temperature)
    prompt, system = event.prompt, event.system_prompt
    if prompt is not None and len(prompt) <= MAX_PLACEHOLDER and is_placeholder(prompt):
        event.prompt = None
    if system is not None and len(system) <= MAX_PLACEHOLDER and is_placeholder(system):
        event.system_prompt = None
    if event.messages is not None:
        _read_messages(event)


def _read_messages(event: RequestEvent) -> None:
    """Take the texts that are not given from the messages, which are then let go."""
    messages = decoded(event.messages)
    event.messages = None
    system, prompt = texts(messages)
    if event.first_answer is None:
        event.first_prompt, event.first_answer = first_turn(messages)
    if event.system_prompt is None:
        event.system_prompt = system
    if event.prompt is None:
        event.prompt = prompt


def check_account(account: str) -> None:
    """Hold an account id to what it may be; raises DecodeError."""
    if not account:
        raise DecodeError("missing_field", "account_id is empty")
    if len(account.encode()) > MAX_ACCOUNT_BYTES:
        raise DecodeError("out_of_range", f"account_id is longer than {MAX_ACCOUNT_BYTES} bytes")
    if _CONTROL.search(account):
        raise DecodeError("out_of_range", "account_id has control characters")


def _epoch(time: object) -> float:
    return time.timestamp() if isinstance(time, datetime) else float(time)  # type: ignore[arg-type]


def _absurd(time: float) -> str:
    hint = ", milliseconds?" if time > 1e11 else ""  # noqa: PLR2004 - the year 5138 in seconds
    return f"{time:.15g} s since 1970{hint}"
