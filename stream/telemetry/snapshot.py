"""The samples of a registry as bytes, which one process gives another; nothing is combined here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

#: Name of a sample, its labels, its value.
SampleRow = tuple[str, dict[str, str], float]


class FamilySnapshot(msgspec.Struct, frozen=True, array_like=True):
    """The samples of one metric at one moment; ``name`` is without the suffix of a counter."""

    name: str
    help: str
    type: str
    unit: str
    samples: list[SampleRow]


def take(registry: CollectorRegistry) -> list[FamilySnapshot]:
    """Return the samples of ``registry`` now."""
    return [
        FamilySnapshot(
            family.name,
            family.documentation,
            family.type,
            family.unit,
            [(sample.name, sample.labels, sample.value) for sample in family.samples],
        )
        for family in registry.collect()
    ]


encode = msgspec.msgpack.Encoder().encode
#: Raises msgspec.MsgspecError for other bytes.
decode = msgspec.msgpack.Decoder(list[FamilySnapshot]).decode
