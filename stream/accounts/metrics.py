"""What the accounts stage counts: accounts with state, request ids, tokens."""

from __future__ import annotations

from stream.core.networks import KINDS
from stream.telemetry.declaration import OPEN, counter, gauge, info
from stream.telemetry.shared import SharedMetrics


class AccountsMetrics(SharedMetrics):
    """Tracked accounts, their state and their tokens."""

    accounts_tracked = gauge(
        meaning="Accounts with state in this worker",
        remedy="Near windows.max_accounts per partition: raise it or add partitions",
        unit="accounts",
    )
    accounts_warming_up = gauge(
        meaning="Tracked accounts without a baseline of their own yet",
        remedy="Normal for a day after the first start; later it means many new accounts",
        unit="accounts",
    )
    accounts_suppressed_by_drift = gauge(
        meaning="Suspect accounts that the drift guard suppresses: much of the population "
        "changed at once",
        remedy="A new model or a changed log: the models adapt in a day or two; see the runbook",
        unit="accounts",
    )
    accounts_evicted_total = counter(
        meaning="Accounts forgotten to stay within windows.max_accounts",
        remedy="Raise windows.max_accounts, or find out who creates that many accounts",
        unit="accounts",
    )
    request_ids_total = counter(
        meaning="Rows with a known account and request id: a duplicate did not count, reused "
        "differs and counted; and ids forgotten before "
        "intake.duplicate_window_s to stay within the bound",
        remedy="duplicate: the gateway logs calls twice, which changes nothing. reused, or "
        "duplicate for a large share of the traffic: clients choose the ids, set "
        "intake.duplicate_window_s to 0. forgotten: add partitions or lower it",
        unit="rows",
        labels={"result": ("duplicate", "reused", "forgotten")},
    )
    request_ids_tracked = gauge(
        meaning="Calls whose request id is remembered by this worker",
        remedy="Near the bound of a partition (deploy/bounds.md): request_ids_total counts what is "
        "forgotten",
        unit="calls",
    )
    observed_tokens_total = counter(
        meaning="Tokens by what was thought of their account at the time",
        remedy="output of anomalous is what may have leaked",
        unit="tokens",
        labels={
            "verdict": ("clear", "warming_up", "anomalous"),
            "direction": ("input", "output"),
        },
    )
    egress_tokens_total = counter(
        meaning="Output tokens by the country of the caller (two letters) and the kind of its "
        "network, where the log or a database of networks knows one of them",
        remedy="A country or kind that grows: see the alerts for its accounts; all are unknown: "
        "the databases of networks do not know the logged addresses",
        unit="tokens",
        labels={"country": OPEN, "kind": tuple(KINDS)},
    )
    state_bytes = gauge(
        meaning="Memory of the windows and tables of this worker",
        remedy="Lower windows.max_accounts or spread the partitions over more workers",
        unit="bytes",
    )
    model_info = info(
        meaning="Version of the detection model in use",
        remedy="Differs between workers: a rollout is not finished",
        unit="info",
        labels={"version": OPEN},
    )
