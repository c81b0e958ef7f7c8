"""Request events as columns: what intake produces and every later stage computes on.

A batch never holds text, keys or addresses: strings arrive here as keyed 64-bit
fingerprints (0 means absent). Account ids are kept once per batch and referred to by index.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Array = NDArray[Any]

FLAG_STREAM: Final = 1
FLAG_LOGPROBS: Final = 2

#: Column name -> dtype. Absent values: 0 for counts, status and fingerprints, NaN for floats.
EVENT_COLUMNS: Final[Mapping[str, np.dtype[Any]]] = {
    "offset": np.dtype("<i8"),  # source offset; several events of one record share it
    "account": np.dtype("<u4"),  # index into EventBatch.accounts
    "time": np.dtype("<f8"),  # event time, epoch seconds
    "created_at": np.dtype("<f8"),  # account creation, epoch seconds
    "input_tokens": np.dtype("<i4"),
    "output_tokens": np.dtype("<i4"),
    "cached_tokens": np.dtype("<i4"),
    "reasoning_tokens": np.dtype("<i4"),
    "max_tokens": np.dtype("<i4"),
    "status": np.dtype("<i2"),  # HTTP status
    "flags": np.dtype("u1"),  # FLAG_* bits
    "duration_s": np.dtype("<f4"),
    "temperature": np.dtype("<f4"),
    # keyed fingerprints
    "model": np.dtype("<u8"),
    "operation": np.dtype("<u8"),
    "api_key": np.dtype("<u8"),
    "organization": np.dtype("<u8"),
    "address": np.dtype("<u8"),
    "network": np.dtype("<u8"),  # autonomous system
    "country": np.dtype("<u8"),
    "user_agent": np.dtype("<u8"),
    "tls": np.dtype("<u8"),  # JA4
    "payment": np.dtype("<u8"),
    "plan": np.dtype("<u8"),
    "system_prompt": np.dtype("<u8"),
    "prompt": np.dtype("<u8"),  # the whole normalised prompt
    "template": np.dtype("<u8"),  # the masked opening of the prompt
}


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Events of one source partition, in source order.

    ``columns`` holds every name of :data:`EVENT_COLUMNS` as one array of shape ``(n,)``.
    """

    accounts: Sequence[str]
    columns: Mapping[str, Array]

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.columns["time"])

    def take(self, index: Array) -> EventBatch:
        """Return the events at ``index`` (a mask or positions) with only their account ids."""
        columns = {name: column[index] for name, column in self.columns.items()}
        kept, columns["account"] = np.unique(columns["account"], return_inverse=True)
        columns["account"] = columns["account"].astype(EVENT_COLUMNS["account"])
        return EventBatch([self.accounts[i] for i in kept.tolist()], columns)
