"""What a sink is: something that takes one alert and says how that ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    from stream.types.alerts import Alert
    from stream.types.verdicts import Severity

#: delivered; rejected: refused by the receiver; exhausted: not accepted within the time given;
#: disabled: the receiver wants no more.
Outcome = Literal["delivered", "rejected", "exhausted", "disabled"]

RANK: Final[dict[Severity, int]] = {"info": 0, "warning": 1, "critical": 2}


class Sink(Protocol):
    """A receiver of alerts. ``deliver`` retries as it sees fit and never raises on refusal."""

    name: str

    async def deliver(self, alert: Alert) -> Outcome:
        """Hand the alert over; return when it is over one way or the other."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
