"""The usual metrics of a Python process; they are Prometheus' own, not declared here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from prometheus_client import CollectorRegistry

    from stream.telemetry.declaration import Combine

#: Those of several processes add up but for these.
COMBINE: Final[Mapping[str, Combine]] = {"process_start_time_seconds": "min", "python_info": "max"}


def register_process(registry: CollectorRegistry) -> None:
    """Add the metrics of the process, the interpreter and its garbage collector."""
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
