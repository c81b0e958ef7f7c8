"""The attributes of an alert as a CloudEvent, for the headers of its record.

CloudEvents 1.0.2, Kafka protocol binding, binary mode: the record's value stays the alert itself,
so a reader that does not support CloudEvents reads it as before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stream.core.alerts import Alert


def headers(alert: Alert, source: str) -> tuple[tuple[str, bytes], ...]:
    """Return the headers of a record with one state of one incident."""
    attributes = {
        "specversion": "1.0",
        "id": f"{alert.alert_id}/{alert.status}/{alert.updated_at}",
        "source": source,
        "type": f"distillwatch.alert.{'refreshed' if alert.refresh else alert.status}",
        "subject": alert.alert_id,
        "time": alert.updated_at,
    }
    return (
        *((f"ce_{name}", value.encode()) for name, value in attributes.items()),
        ("content-type", b"application/json"),
    )
