"""Settings of the hashes of answers, by which copies of answers can be found later."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

from stream.core.errors import SettingsError
from stream.core.secret import Secret
from stream.trace.keys import trace_keys
from stream.trace.sketcher import DENSITIES

_LARGEST: Final = DENSITIES[-1]


class TraceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether answers can be traced, under which key, and how much of them is kept."""

    enabled: Annotated[
        bool,
        Meta(
            description="Keep keyed hashes of the answers that the gateway logs, never their text, "
            "in topics.answers; `distillwatch trace` finds copies of them in data sets. Needs "
            "trace.key"
        ),
    ] = False
    key: Annotated[
        Secret,
        Meta(
            description="Key of the hashes of answers, of 32 characters or more and for nothing "
            "else; the first of several (separated by spaces) makes hashes, `distillwatch trace` "
            "also reads those of the others. A key that is removed everywhere cannot be traced "
            "with any more. Set it by environment variable or file"
        ),
    ] = Secret()
    one_in: Annotated[
        int,
        Meta(
            ge=1,
            le=_LARGEST,
            description="One run of eight words in this many is kept of an answer, in 8 bytes; a "
            "power of two",
            extra={"unit": "runs"},
        ),
    ] = 64
    one_in_watched: Annotated[
        int,
        Meta(
            ge=1,
            le=_LARGEST,
            description="The same for accounts that a decision in force is about; a power of two",
            extra={"unit": "runs"},
        ),
    ] = 16

    def __post_init__(self) -> None:
        """Refuse other densities, and to trace without a key: raises ValueError."""
        for name, one_in in (("one_in", self.one_in), ("one_in_watched", self.one_in_watched)):
            if one_in not in DENSITIES:
                raise ValueError(f"{name}: expected a power of two up to {_LARGEST}")
        if self.enabled:
            try:
                trace_keys(self.key)
            except SettingsError as error:
                raise ValueError(str(error).removeprefix("trace.")) from error
