"""Campaigns as a STIX 2.1 bundle (OASIS Standard, 2021); the only module that knows ``stix2``.

The same book gives the same bytes: ids come from the object's subject, times are those of
the incident and its decisions.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import stix2

from stream.sharing import vocabulary as v
from stream.sharing.campaign_objects import CampaignObjects

if TYPE_CHECKING:
    from stream.sharing.export_book import ExportBook

#: STIX allows text or an address; the document is in every source distribution.
_SCHEMA: Final = "docs/response.md of distillwatch, section Indicators for other operators"


def bundle(
    book: ExportBook, *, operator: str, valid_s: float, tlp: v.Tlp = "amber"
) -> tuple[bytes, dict[str, int]]:
    """Return a bundle of all campaigns of a book, and how many objects of each type it has.

    ``operator`` is our name; indicators are valid for ``valid_s`` after the last evidence.
    """
    marking = v.TLP_MARKINGS[tlp]
    identity = v.identity_id(operator)
    objects: dict[str, Any] = {one.id: one for one in _common(operator, tlp)}
    for _, campaign in sorted(book.campaigns.items()):
        made = CampaignObjects(campaign, book, identity=identity, marking=marking, valid_s=valid_s)
        objects |= {one.id: one for one in made.all()}
    ordered = [objects[id_] for id_ in sorted(objects)]
    content = "".join(one.serialize() for one in ordered)
    digest = hashlib.sha256(content.encode()).hexdigest()
    found = stix2.Bundle(*ordered, id=v.stix_id("bundle", digest), allow_custom=False)
    counts: dict[str, int] = {}
    for one in ordered:
        counts[one.type] = counts.get(one.type, 0) + 1
    return found.serialize(pretty=True).encode() + b"\n", counts


def _common(operator: str, tlp: v.Tlp) -> list[Any]:
    """Return what every bundle has: who made it, the marking, and the extension."""
    fixed = {"created": v.FIXED, "modified": v.FIXED}
    return [
        stix2.MarkingDefinition(
            id=v.TLP_MARKINGS[tlp],
            created=v.TLP_CREATED,
            name=f"TLP:{tlp.upper()}",
            extensions={v.TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": tlp}},
        ),
        stix2.Identity(id=v.PRODUCT_ID, name="distillwatch", identity_class="system", **fixed),
        stix2.Identity(
            id=v.identity_id(operator), name=operator, identity_class="organization", **fixed
        ),
        stix2.ExtensionDefinition(
            id=v.FINGERPRINT_EXTENSION,
            created_by_ref=v.PRODUCT_ID,
            name="Keyed fingerprint",
            description="A value as a fingerprint under the key of a sharing group: who has the "
            "key can recognise the value and cannot read it. scheme names the attribute and the "
            "hash, key_id the key.",
            schema=_SCHEMA,
            version="1.0.0",
            extension_types=["property-extension"],
            **fixed,
        ),
    ]
