"""Figures of changes through a gateway's admin API."""

from __future__ import annotations

from typing import Final, Literal, get_args

from stream.delivery.metrics import DeliveryMetrics
from stream.telemetry.declaration import counter, gauge

#: Why an account was not changed.
Failure = Literal["unavailable", "rejected", "unknown", "occupied"]
ChangeResult = Literal["done", Failure]
Change = Literal["apply", "undo"]
#: How accounts with a decision stand at the gateway.
Standing = Literal["applied", "stricter", "pending", "rejected", "unknown", "occupied"]
STANDINGS: Final[tuple[Standing, ...]] = get_args(Standing)


class AdminMetrics(DeliveryMetrics):
    """Changes of keys and consumers, and what is still to be changed."""

    enforcer_admin_changes_total = counter(
        meaning="Accounts that were changed through the gateway's admin API, by result",
        remedy="unavailable: it is down, slow, or refuses admin.token, and is tried again; "
        "rejected: the log has the status; unknown: the account is no key or consumer of this "
        "gateway; occupied: Kong has a plugin of that name for the consumer that is not ours",
        unit="accounts",
        labels={"change": get_args(Change), "result": get_args(ChangeResult)},
    )
    enforcer_admin_accounts = gauge(
        meaning="Accounts with a decision or a mark of one, by how they stand at the gateway",
        remedy="applied: as decided; stricter: an administrator's limit is as strict; pending: "
        "all that is not as it should be yet; others as in enforcer_admin_changes_total",
        unit="accounts",
        labels={"standing": STANDINGS},
    )
    enforcer_admin_unsupported_accounts = gauge(
        meaning="Accounts, keys, users and teams with a decision in force that the gateway's admin "
        "API cannot carry out, or not all of it",
        remedy="Carry these out by external authorization or LiteLLM's module: docs/decisions.md",
        unit="accounts",
    )
    enforcer_admin_oldest_seconds = gauge(
        meaning="How long the account waits that has waited longest for a change at the gateway, "
        "0 without any",
        remedy="The gateway's admin API is down, refuses admin.token or rejects the change: see "
        "enforcer_admin_changes_total and the log",
        unit="seconds",
        combine="max",
    )
