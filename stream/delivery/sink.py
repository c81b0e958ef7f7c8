"""A sink takes one alert and returns the outcome of its delivery."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from stream.core.alerts import Alert
    from stream.core.findings import Severity

#: delivered; rejected: the receiver will never accept it; timed_out: not accepted in time.
Outcome = Literal["delivered", "rejected", "timed_out"]
#: Delivers one alert when its turn comes, and returns the outcome.
Delivery = Callable[[], Awaitable[Outcome]]

RANK: Final[dict[Severity, int]] = {"info": 0, "warning": 1, "critical": 2}


class Sink(Protocol):
    """A receiver of alerts. A delivery retries on its own and never raises on refusal."""

    name: str

    def prepare(self, alert: Alert) -> Delivery:
        """Return the delivery of the alert; it keeps no more of the alert than it needs."""
        ...

    async def close(self) -> None:
        """Close connections."""
        ...


def group_of(app: str, name: str) -> str:
    """Return the consumer group that reads the alerts topic for a sink."""
    return f"{app}-sink-{name}"
