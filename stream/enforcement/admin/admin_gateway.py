"""The interface behind which gateways differ, and how calls of it fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from stream.decisions.native_limits import LimitName, LimitState
    from stream.enforcement.admin.metrics import Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayAccount:
    """An account as the gateway has it; ``handle`` is the gateway's own."""

    account: str
    limits: Mapping[LimitName, LimitState]
    handle: object = None


class AdminError(Exception):
    """A call that did not do what it should; its text has no address, token or account."""

    def __init__(self, result: Failure, text: str, *, delay_s: float = 0.0) -> None:
        """``delay_s``: how long the gateway wants to be left alone."""
        super().__init__(text)
        self.result = result
        self.delay_s = delay_s


class AdminGateway(Protocol):
    """A gateway's key management. Every method raises AdminError and nothing else."""

    async def read(self, account: str) -> GatewayAccount:
        """Return what the gateway has of exactly this account."""

    async def write(
        self, known: GatewayAccount, changes: Mapping[LimitName, LimitState], person: str
    ) -> None:
        """Set limits with their marks; a limit without a mark is not ours any more.

        Repeated it changes nothing. ``person``: who approved, empty for an undo.
        """

    def marked(self) -> AsyncIterator[str]:
        """Return the accounts that have a mark of ours, written by this enforcer or another."""

    async def close(self) -> None:
        """Close the connections."""
