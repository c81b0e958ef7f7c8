"""The formats that are known, one file each: what a gateway writes, as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stream.codec.gateways.apisix import APISIX
from stream.codec.gateways.cloudflare import CLOUDFLARE
from stream.codec.gateways.envoy import ENVOY
from stream.codec.gateways.helicone import HELICONE
from stream.codec.gateways.kong import KONG
from stream.codec.gateways.litellm import LITELLM
from stream.codec.gateways.portkey import PORTKEY

if TYPE_CHECKING:
    from stream.codec.table import Format

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
