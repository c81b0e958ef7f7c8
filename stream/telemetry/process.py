"""The usual metrics of a Python process; they are Prometheus' own, not declared here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import GCCollector, PlatformCollector, ProcessCollector

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


def register_process(registry: CollectorRegistry) -> None:
    """Add the metrics of the process, the interpreter and its garbage collector."""
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
