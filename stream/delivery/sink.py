"""What a sink is: something that takes one alert and says how that ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from stream.core.alerts import Alert
    from stream.core.findings import Severity

#: delivered; rejected: the receiver will never take it; timed_out: not accepted within the time
#: given.
Outcome = Literal["delivered", "rejected", "timed_out"]
#: Hands one alert over when its turn has come, and returns when that is over one way or the other.
Delivery = Callable[[], Awaitable[Outcome]]

RANK: Final[dict[Severity, int]] = {"info": 0, "warning": 1, "critical": 2}


class Sink(Protocol):
    """A receiver of alerts. A delivery retries as it sees fit and never raises on refusal."""

    name: str

    def prepare(self, alert: Alert) -> Delivery:
        """Return the delivery of the alert; it holds no more of the alert than it needs."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def group_of(app: str, name: str) -> str:
    """Return the consumer group that reads the alerts topic for a sink."""
    return f"{app}-sink-{name}"
