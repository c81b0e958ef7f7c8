"""The formats that are known, one file each: what a gateway writes, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.intake.codec.gateways.apisix import APISIX
from stream.intake.codec.gateways.cloudflare import CLOUDFLARE
from stream.intake.codec.gateways.envoy import ENVOY
from stream.intake.codec.gateways.helicone import HELICONE
from stream.intake.codec.gateways.kong import KONG
from stream.intake.codec.gateways.litellm import LITELLM
from stream.intake.codec.gateways.portkey import PORTKEY

if TYPE_CHECKING:
    from stream.intake.codec.format_table import Format

#: Those with one JSON object a request, in the order in which they are tried.
GATEWAYS: Final[tuple[Format, ...]] = (
    LITELLM,
    KONG,
    APISIX,
    ENVOY,
    HELICONE,
    PORTKEY,
    CLOUDFLARE,
)
