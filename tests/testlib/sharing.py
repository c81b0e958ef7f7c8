"""Indicators of other operators, and intakes that share, built by hand."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from stream.core.indicators import ForeignIndicator
from stream.core.secret import Secret
from stream.intake.codec.settings import IntakeSettings
from stream.intake.sharing.indicator_table import IndicatorTable
from stream.intake.sharing.settings import SharingSettings

KEY = "the key of the group"
KEY_ID = "group-2026"


def sharing(**changes: Any) -> SharingSettings:
    given = {"key": Secret(KEY), "key_id": KEY_ID, "operator": "Example Gateway"}
    return SharingSettings(**{**given, **changes})


def indicator(value: str, kind: str = "system_prompt", **changes: Any) -> ForeignIndicator:
    given = {
        "indicator_id": f"indicator--{uuid5(NAMESPACE_URL, kind + value)}",
        "kind": kind,
        "value": value,
        "key_id": "" if kind == "network" else KEY_ID,
        "confidence": 80,
        "valid_from": 1.0,
        "valid_until": 1e10,
        "modified": 1.0,
        "source": "identity--0b2f5b1c-8ad5-45d2-8c0a-6f2a4d0a5f3e",
        "imported_at": 1.0,
    }
    return ForeignIndicator(**{**given, **changes})


def row(one: ForeignIndicator) -> tuple[bytes, bytes]:
    return one.key.encode(), msgspec.json.encode(one)


def table(*indicators: ForeignIndicator, salt: str = "", **changes: Any) -> IndicatorTable:
    found = IndicatorTable(sharing(**changes), IntakeSettings(salt=Secret(salt)).salt)
    assert found.load([row(one) for one in indicators]) == []
    return found
