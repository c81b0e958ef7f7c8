"""Records at the edges of the pipeline: what it reads from a topic or file, and what it emits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

#: The pipeline's outputs by role; the worker maps roles to topic names.
Role = Literal[
    "events", "links", "findings", "alerts", "deadletter", "answers", "ledger", "shareable"
]


class Record(Struct, frozen=True, gc=False):
    """One source record; ``timestamp_s`` is the broker's, None without one.

    ``drill_signature`` is the value of its drill header (:mod:`stream.core.drill`), None without
    one.
    """

    offset: int
    timestamp_s: float | None
    value: bytes
    drill_signature: bytes | None = None


@dataclass(frozen=True, slots=True)
class Emission:
    """One outgoing record; ``partition`` None lets the key decide."""

    role: Role
    partition: int | None
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()
    deletes: bool = False  # the record of its key; the value is empty
