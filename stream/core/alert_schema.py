"""The alert contract as JSON Schema, generated from the type. `make schema` writes the file."""

from __future__ import annotations

from typing import Any

import msgspec

from stream.core.alerts import Alert

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def alert_schema() -> dict[str, Any]:
    """Return the schema of an alert; receivers must accept fields that it does not name."""
    title = {"$schema": _DIALECT, "title": "Alert of distillwatch"}
    return title | msgspec.json.schema(Alert)


def text() -> str:
    """Return the schema as the published file has it."""
    return msgspec.json.format(msgspec.json.encode(alert_schema()), indent=2).decode() + "\n"
