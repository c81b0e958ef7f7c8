"""The names that operators have in common: ids, the scheme of fingerprints, markings.

Ids are UUIDs of version 5 (RFC 9562), so that the same incident has the same ids in each export.
"""

from __future__ import annotations

from typing import Final, Literal, get_args
from uuid import UUID, uuid5

from stream.core.indicators import SharedKind

#: Of all ids made here.
_NAMESPACE: Final = UUID("9d0c3f5b-3c0e-5b7c-8c3d-2f6d7c1f9a44")
#: How a fingerprint is made, by kind: BLAKE2b (RFC 7693) to 64 bits under the key of the group.
SCHEMES: Final = {
    f"dw-{kind.replace('_', '-')}-blake2b64": kind
    for kind in get_args(SharedKind)
    if kind != "network"
}
SCHEME_OF: Final = {kind: scheme for scheme, kind in SCHEMES.items()}
PATTERN_TYPE: Final = "keyed-fingerprint"

#: Objects that are the same in everyone's bundles have a fixed time.
FIXED: Final = "2026-01-01T00:00:00.000Z"
TLP_CREATED: Final = "2022-10-01T00:00:00.000Z"
Tlp = Literal["clear", "green", "amber", "amber+strict", "red"]
#: Traffic Light Protocol 2.0 as OASIS published it for STIX 2.1 (cti-stix-common-objects).
TLP_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP_MARKINGS: Final[dict[Tlp, str]] = {
    "clear": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "green": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "amber": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "amber+strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "red": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}


def stix_id(type_: str, *parts: str) -> str:
    """Return the id of an object, made of its type and what identifies it."""
    return f"{type_}--{uuid5(_NAMESPACE, '|'.join((type_, *parts)))}"


def identity_id(operator: str) -> str:
    """Return the id of an operator by its name in the group."""
    return stix_id("identity", "operator", operator)


#: The program that defines the extension.
PRODUCT_ID: Final = stix_id("identity", "product", "distillwatch")
FINGERPRINT_EXTENSION: Final = stix_id("extension-definition", "keyed-fingerprint")
