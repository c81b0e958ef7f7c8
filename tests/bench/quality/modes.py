"""What a log has of each request: the same traffic with all fields, or as gateways write it.

The traffic is stored once with all fields; a mode leaves fields out when a line is played (some
2 microseconds a line, beside more than 100 for its detection). The scenario tests use the same
names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, get_type_hints

import msgspec

from stream.tools.simulate.request import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: What no supported gateway logs; the others are what LiteLLM logs (stream/intake/codec/gateways).
NOT_LOGGED: Final = frozenset(
    {"payment_id", "tls_fingerprint", "account_created_at", "plan", "asn", "country"}
)
TEXT: Final = frozenset({"prompt", "system_prompt", "messages", "response"})


@dataclass(frozen=True, slots=True)
class Mode:
    """One way of a log; ``title`` stands in tables. With ``directory`` the product fills fields."""

    name: str
    title: str
    absent: frozenset[str] = field(default_factory=frozenset)
    directory: bool = False

    @property
    def has_text(self) -> bool:
        """Say whether prompts are there."""
        return not self.absent & TEXT

    def lines(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Return the lines as this log has them."""
        if not self.absent:
            return iter(lines)
        decode = msgspec.json.Decoder(_without(self.absent)).decode
        encode = msgspec.json.Encoder().encode
        return (encode(decode(line)) for line in lines)


def _without(absent: frozenset[str]) -> type[msgspec.Struct]:
    """Return the request without some fields: what a struct does not have is not read."""
    types = get_type_hints(Request)
    kept = [
        (name, types[name]) if info.required else (name, types[name], info.default)
        for name, info in zip(
            Request.__struct_fields__, msgspec.structs.fields(Request), strict=True
        )
        if name not in absent
    ]
    return msgspec.defstruct("Logged", kept, omit_defaults=True, kw_only=True, gc=False)


HEADLINE: Final = "gateway"
#: Where the detectors that ours is compared with listen: they get all there is.
COMPARED: Final = "full"
MODES: Final = {
    mode.name: mode
    for mode in (
        Mode("gateway", "gateway fields with text", NOT_LOGGED),
        Mode("full", "all fields with text"),
        Mode("gateway-no-text", "gateway fields without text", NOT_LOGGED | TEXT),
        Mode("gateway-directory", "gateway fields with text, and the account directory",
             NOT_LOGGED, directory=True),
    )
}  # fmt: skip
