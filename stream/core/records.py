"""Records at the edges of the pipeline: what comes out of a topic or file and what goes in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

#: The pipeline's outputs by role; the worker maps roles to topic names.
Role = Literal["events", "links", "findings", "alerts", "deadletter"]


class Record(Struct, frozen=True, gc=False):
    """One source record. ``timestamp_s`` is the broker's, or None where it has none.

    ``mark`` is what its header says of a drill (see :mod:`stream.core.drill`), None without one.
    """

    offset: int
    timestamp_s: float | None
    value: bytes
    mark: bytes | None = None


@dataclass(frozen=True, slots=True)
class Emission:
    """One outgoing record; ``partition`` None lets the key decide."""

    role: Role
    partition: int | None
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
