"""The schema of a trace's result, generated from its type; `make schema` writes the file."""

from __future__ import annotations

from typing import Any

import msgspec

from stream.trace.trace_result import TraceResult

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def trace_schema() -> dict[str, Any]:
    """Return the schema; readers must accept fields that it does not name."""
    title = {"$schema": _DIALECT, "title": "Trace of distillwatch"}
    return title | msgspec.json.schema(TraceResult)


def text() -> str:
    """Return the schema as the published file has it."""
    return msgspec.json.format(msgspec.json.encode(trace_schema()), indent=2).decode() + "\n"
