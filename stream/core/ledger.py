"""A day of the ledger: what left by country and by model, and what campaigns had of it.

One record of its topic for each day, with the day as its key; a later one replaces an earlier one.
It names no account, and no group of few accounts.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from stream.core.events import MAX_MODEL_CHARACTERS
from stream.core.networks import COUNTRIES

#: Models of a day with sums of their own (assumed: gateways offer fewer).
MOST_MODELS: Final = 64
#: Campaigns of a day with sums of their own (assumed: budgets of alerts allow far fewer).
MOST_CAMPAIGNS: Final = 512
#: No day has more of anything: a record with more is not from a worker.
_MOST: Final = 10**18
_DAY_S: Final = 86_400
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_Amount = Annotated[int, Meta(ge=0, le=_MOST)]


class Amounts(msgspec.Struct, frozen=True, array_like=True):
    """Requests and tokens; reasoning tokens are a part of the output tokens."""

    requests: _Amount = 0
    input_tokens: _Amount = 0
    output_tokens: _Amount = 0
    reasoning_tokens: _Amount = 0

    def __add__(self, other: Amounts) -> Amounts:
        """Return the sums."""
        return Amounts(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )


class CampaignDay(msgspec.Struct, frozen=True, array_like=True):
    """What the members of a campaign sent, counted on the day when it was seen."""

    known: Amounts = Amounts()  # since they were known to be members
    before: Amounts = Amounts()  # of those found that day: since the first evidence on each


class LedgerDay(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What left on a day of UTC; the key "" is what is not known."""

    version: Literal[1] = 1
    day: str  # 2026-03-02
    until: float  # end of the latest window in it, epoch seconds
    countries: Annotated[dict[str, Amounts], Meta(max_length=len(COUNTRIES) + 1)] = {}
    other_countries: Amounts = Amounts()  # of fewer accounts than SMALLEST_GROUP
    models: Annotated[
        dict[Annotated[str, Meta(max_length=MAX_MODEL_CHARACTERS)], Amounts],
        Meta(max_length=MOST_MODELS + 1),
    ] = {}
    other_models: Amounts = Amounts()  # the same, and those beyond MOST_MODELS
    campaigns: Annotated[dict[str, CampaignDay], Meta(max_length=MOST_CAMPAIGNS)] = {}
    other_campaigns: CampaignDay = CampaignDay()

    @property
    def total(self) -> Amounts:
        """Return all that left."""
        return sum(self.countries.values(), self.other_countries)

    @property
    def campaign_requests(self) -> int:
        """Return all requests of campaigns."""
        parts = [*self.campaigns.values(), self.other_campaigns]
        return sum(part.known.requests + part.before.requests for part in parts)

    @property
    def key(self) -> bytes:
        """Return the key of its record."""
        return self.day.encode()


def day_of(end: float) -> int:
    """Return the day, since the epoch, of the window that ends at ``end``, epoch seconds."""
    return int(-(-end // _DAY_S)) - 1


def day_name(day: int) -> str:
    """Return a day as 2026-03-02."""
    return (_EPOCH + timedelta(days=day)).strftime("%Y-%m-%d")


_decode = msgspec.json.Decoder(LedgerDay).decode
encode: Final = msgspec.json.Encoder(order="sorted").encode


def ledger_day_in(key: bytes | None, value: bytes | None) -> LedgerDay | None:
    """Return the day in a record of the ledger's topic, None for an invalid record."""
    try:
        found = _decode(value or b"")
        began = (datetime.strptime(found.day, "%Y-%m-%d").replace(tzinfo=UTC) - _EPOCH).days
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    ours = key == found.key and day_name(began) == found.day
    ours &= found.until > 0 and day_of(found.until) == began
    ours &= found.countries.keys() <= {*COUNTRIES, ""}
    ours &= all(name.isprintable() for name in found.models)
    models = sum(found.models.values(), found.other_models)
    return found if ours and models == found.total else None
