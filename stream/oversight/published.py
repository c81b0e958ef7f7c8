"""The schema of the report, generated from its type; `make schema` writes the file."""

from __future__ import annotations

from typing import Any

import msgspec

from stream.oversight.report import OversightReport

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def report_schema() -> dict[str, Any]:
    """Return the schema of a report; readers must accept fields that it does not name."""
    title = {"$schema": _DIALECT, "title": "Oversight report of distillwatch"}
    return title | msgspec.json.schema(OversightReport)


def text() -> str:
    """Return the schema as the published file has it."""
    return as_json(report_schema())


def as_json(content: object) -> str:
    """Return a report or its schema as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"
