"""What left in a window, by country and by model: sums that name no account."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from stream.core.events import MAX_MODEL_CHARACTERS
from stream.core.traffic import CountsBytes, GroupedBy

#: A model's number has these bits free, for the number of a country beside it.
COUNTRY_BITS: Final = 16
#: Accounts that a group has at least; smaller ones show too few people.
SMALLEST_GROUP: Final = 5


class EgressSum(msgspec.Struct, frozen=True, array_like=True):
    """The traffic of a window from one country, or for one model, of the accounts of one task."""

    time: float  # end of the window, epoch seconds
    by: GroupedBy
    code: Annotated[int, Meta(ge=0)]  # number of the country or model, 0: unknown
    name: Annotated[str, Meta(max_length=MAX_MODEL_CHARACTERS)]
    accounts: Annotated[int, Meta(ge=0)]  # one of 64 bits for each account
    counts: CountsBytes  # COUNTS
