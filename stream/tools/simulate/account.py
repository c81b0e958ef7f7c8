"""One simulated account: who it is, where it comes from, how it calls and what it writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from stream.tools.simulate.dice import Dice
    from stream.tools.simulate.request import ChatMessage
    from stream.tools.simulate.rhythms import Rhythm


class Text(NamedTuple):
    """The standing orders (None: the account sends none) and the latest user message."""

    system: str | None
    prompt: str


class Address(NamedTuple):
    """A client address with the network and country a lookup would give."""

    ip: str
    asn: int
    country: str


class Software(NamedTuple):
    """What a client shows of itself: user agent and TLS fingerprint (JA4)."""

    agent: str
    tls: str


Writer = Callable[["Dice"], Text]


class Turn(NamedTuple):
    """One request of a conversation: its texts, what it carries, and its input tokens."""

    text: Text | None
    messages: list[ChatMessage] | None
    input_tokens: int


class Dialogue(Protocol):
    """Decides which conversation a request continues."""

    def turn(self, at_s: float, drawn: int, write: Callable[[], Text] | None) -> Turn:
        """Return the next request; ``drawn`` are input tokens with which it may open one.

        ``write`` gives the account's own next text; None: the traffic has no text.
        """

    def answered(self, at_s: float, output_tokens: int) -> str | None:
        """Take in the answer to the last turn, 0 tokens for a failure; return its excerpt."""


#: Points that a measured distribution is given by.
QUANTILES: Final = 512


@dataclass(frozen=True, slots=True)
class Tokens:
    """Log-normal token counts of an account; the sigmas are those of the logarithms.

    ``measured`` replaces them by points of the inverse distributions of input and output tokens,
    two arrays of :data:`QUANTILES` ascending values.
    """

    input_median: float
    input_sigma: float
    output_median: float
    output_sigma: float
    cached_share: float = 0.0
    reasoning_share: float = 0.0
    measured: tuple[NDArray[np.int32], NDArray[np.int32]] | None = None


@dataclass(frozen=True, slots=True)
class CallParameters:
    """Parameters of the calls. ``temperatures`` may hold None: left to the server."""

    models: tuple[str, ...]
    temperatures: tuple[float | None, ...] = (None,)
    max_tokens: int | None = None
    logprobs: float = 0.0
    stream: float = 0.0
    errors: float = 0.01
    limited: float = 0.0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where calls come from; ``moves`` is the chance per call of taking another address."""

    addresses: Sequence[Address]
    software: tuple[Software, ...]
    moves: float = 0.0
    restarts: float = 0.0


@dataclass(frozen=True, slots=True)
class Paper:
    """What the provider knows of the account. ``created_at`` in epoch seconds."""

    created_at: float
    plan: str
    payment_id: str | None = None
    organization_id: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """An account with everything that decides its requests."""

    account_id: str
    kind: str
    rhythm: Rhythm
    writer: Writer
    tokens: Tokens
    calls: CallParameters
    origin: Origin
    paper: Paper
    cv: float = 1.0
    attack: bool = False
    campaign_id: str = ""
    dialogue: Dialogue | None = None
    """The conversations that its requests belong to; None: each request stands alone."""
