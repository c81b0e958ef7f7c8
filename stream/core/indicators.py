"""Indicators of other operators, and values of our own that may be shared: the records on topics.

Texts never reach a topic: a value is a fingerprint under the key of a sharing group, or a network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta

if TYPE_CHECKING:
    from stream.core.batch import Array, Fingerprints

#: Attributes with values that can be shared. A network is shared in the clear, all others only as
#: keyed fingerprints.
SharedKind = Literal["system_prompt", "template", "conversation", "client", "network"]
#: Accounts that a network has at least before it is written down in the clear (k-anonymity).
LEAST_NETWORK_ACCOUNTS: Final = 5

_CONFIDENCE_BITS: Final = np.uint64(127)
_FINGERPRINT: Final = r"^[0-9a-f]{16}$"
_Time = Annotated[float, Meta(gt=0, lt=1e11)]  # epoch seconds
_Name = Annotated[str, Meta(max_length=256)]
_Reference = Annotated[str, Meta(max_length=128)]


class ForeignIndicator(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What another operator reported: a value, how sure, and from when until when it counts."""

    indicator_id: Annotated[str, Meta(pattern=r"^indicator--[0-9a-f-]{36}$")]
    kind: SharedKind
    value: Annotated[str, Meta(min_length=1, max_length=64)]  # 16 hex digits, or a network
    key_id: Annotated[str, Meta(max_length=64)] = ""  # of the fingerprint; empty: a network
    confidence: Annotated[int, Meta(ge=0, le=100)]
    valid_from: _Time
    valid_until: _Time
    modified: _Time  # of the object that was imported
    source: _Reference  # id of the identity that made it
    source_name: _Name = ""
    campaign: _Reference = ""  # id of the campaign that it indicates
    imported_at: _Time
    imported_by: _Name = ""
    withdrawn: Literal["", "person", "source"] = ""  # by one of us, or revoked by its source

    def __post_init__(self) -> None:
        """Refuse fields that do not fit together: raises ValueError."""
        if self.valid_until <= self.valid_from:
            raise ValueError("`valid_until`: expected a time after `valid_from`")
        _check(self.kind, self.value, self.key_id)

    @property
    def key(self) -> str:
        """Return the key in the topic."""
        return self.indicator_id


class ShareableValue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value that several accounts have: under our own key, and as it may be shared."""

    kind: SharedKind
    own: Annotated[str, Meta(pattern=_FINGERPRINT)]  # under intake.salt, as alerts have it
    key_id: Annotated[str, Meta(max_length=64)] = ""  # of ``shared``; empty: a network
    shared: Annotated[str, Meta(min_length=1, max_length=64)]  # 16 hex digits, or a network

    def __post_init__(self) -> None:
        """Refuse fields that do not fit together: raises ValueError."""
        _check(self.kind, self.shared, self.key_id)

    @property
    def key(self) -> str:
        """Return the key in the topic."""
        return f"{self.kind}:{self.own}"


def _check(kind: SharedKind, value: str, key_id: str) -> None:
    if (kind == "network") != (not key_id):
        raise ValueError("`key_id` goes with fingerprints, not with networks")
    if key_id and not is_fingerprint(value):
        raise ValueError("the value: expected 16 hex digits, not all 0")


def is_fingerprint(text: str) -> bool:
    """Return whether a text is a fingerprint: 16 hex digits, not all 0."""
    return len(text) == 16 and set(text) <= set("0123456789abcdef") and set(text) != {"0"}  # noqa: PLR2004


def with_confidence(fingerprints: Fingerprints, confidence: Array) -> Fingerprints:
    """Return links' values: the upper 57 bits of fingerprints, the confidence (0..100) below."""
    return (fingerprints & ~_CONFIDENCE_BITS) | confidence.astype(np.uint64)


def confidence_of(values: Fingerprints) -> Array:
    """Return the confidence in values of :func:`with_confidence`, 0 to 1, shape ``(n,)``."""
    return np.minimum((values & _CONFIDENCE_BITS).astype(np.float64) / 100, 1.0)
