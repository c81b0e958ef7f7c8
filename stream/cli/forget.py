"""``distillwatch forget``: removes an account from everywhere, and shows what stays and why."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from stream.cli.common import ConfigOption, duration_s, err, out, read_settings, record_of
from stream.core.decisions import ENDED
from stream.core.errors import BrokerError, DecisionError, UsageError
from stream.core.feedback import ForgetRequest
from stream.core.rfc3339 import rfc3339
from stream.kafka.account_records import AccountRecords
from stream.kafka.decisions_topic import DecisionsTopic
from stream.worker.account_search import state_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.core.decisions import Decision
    from stream.kafka.account_records import AlertsOfAccount
    from stream.settings import Settings

_DAY_S: Final = 86_400.0
_POLL_S: Final = 2.0
_COMPACTED: Final = "removed; its record is gone once the broker has compacted the topic"


class Found(NamedTuple):
    """Where an account stands."""

    in_directory: bool
    suppressions: list[str]  # ids
    alerts: AlertsOfAccount
    decisions: list[Decision] | None  # None: there is no key to read them with
    state: dict[str, int]  # rows by topic

    def __bool__(self) -> bool:
        """Return whether it stands anywhere."""
        some = self.in_directory, self.suppressions, self.alerts.records, self.decisions
        return any((*some, *self.state.values()))


def forget(
    account: Annotated[str, typer.Argument(help="Id of the account, as alerts have it")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not wait for a confirmation")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what is known only")] = False,
    wait: Annotated[
        str, typer.Option(metavar="T", help="How long workers have for it: 1m, 1h")
    ] = "2m",
    config: ConfigOption = None,
) -> None:
    """Remove all that is known about an account; what it sends later makes it a new account."""
    wait_s = duration_s(wait, option="--wait")
    request = _request(account)
    settings = read_settings(config)
    records = AccountRecords(settings.kafka, settings.topics, account)
    found = _find(settings, records, account)
    if not found:
        raise UsageError("ACCOUNT: nothing is known of an account with this id")
    if dry_run:
        out.print(_table(settings, found), markup=False, soft_wrap=True)
        err.print("distillwatch: nothing was changed (--dry-run)")
    _refuse_open(found.decisions or [])
    if dry_run:
        return
    if not yes:
        typer.confirm("Remove all that is known about this account for good?", abort=True)
    _remove(settings, records, found, request, wait_s)
    out.print(_table(settings, found), markup=False, soft_wrap=True)
    err.print("distillwatch: the account is forgotten; the table is what stood there before")


def _request(account: str) -> ForgetRequest:
    try:
        account.encode()
    except UnicodeEncodeError as error:
        raise UsageError("ACCOUNT: expected UTF-8") from error
    return record_of(ForgetRequest, forget=account, time=time.time())


def _find(settings: Settings, records: AccountRecords, account: str) -> Found:
    return Found(
        records.in_directory(),
        records.suppressions(),
        records.alerts(),
        _decisions(settings, account),
        state_rows(settings.kafka, settings.topics, account),
    )


def _decisions(settings: Settings, account: str) -> list[Decision] | None:
    """Return the decisions about an account, ended ones included."""
    if not settings.decisions.key:
        return None
    register = DecisionsTopic(settings.kafka, settings.topics, settings.decisions).read()
    return [
        one.decision
        for one in register.states
        if account in {subject_id for _, subject_id in one.decision.subjects}
    ]


def _refuse_open(decisions: list[Decision]) -> None:
    still_open = sorted(one.key for one in decisions if one.state not in ENDED)
    if still_open:
        raise DecisionError(
            f"{', '.join(still_open)}: not ended: `distillwatch undo` or `refuse` it first, or "
            "forget the account after its end"
        )


def _remove(
    settings: Settings,
    records: AccountRecords,
    found: Found,
    request: ForgetRequest,
    wait_s: float,
) -> None:
    """Remove everything; raises BrokerError when workers have not done so in time."""
    if found.in_directory:
        records.remove_from_directory()
    records.remove_suppressions(found.suppressions)
    records.request(request)
    _wait(settings, request.forget, found, wait_s)
    # Only now: workers write states of open incidents until they have forgotten the account.
    records.rewrite([*records.alerts().latest.values()])
    records.remove_request()


def _wait(settings: Settings, account: str, found: Found, wait_s: float) -> None:
    until = time.monotonic() + wait_s
    left = sum(found.state.values())
    while left:
        if time.monotonic() > until:
            raise BrokerError(
                f"{left:,} rows of state still name the account: no worker runs, or the account "
                f"still sends requests. The request stays in {settings.topics.suppressions}: run "
                "this again"
            )
        time.sleep(_POLL_S)
        left = sum(state_rows(settings.kafka, settings.topics, account).values())


def _table(settings: Settings, found: Found) -> str:
    """Return the places as lines, however wide the terminal is."""
    rows = [("place", "there", "what becomes of it"), *_rows(settings, found)]
    place, there = (max(len(row[i]) for row in rows) for i in (0, 1))
    return "\n".join(f"{row[0]:{place}}  {row[1]:{there}}  {row[2]}" for row in rows)


def _rows(settings: Settings, found: Found) -> Iterator[tuple[str, str, str]]:
    topics = settings.topics
    yield _row(topics.accounts, int(found.in_directory), "entry", _COMPACTED)
    yield _row(topics.suppressions, len(found.suppressions), "of it alone", _COMPACTED)
    by_workers = "removed by workers; " + _COMPACTED.partition("; ")[2]
    for topic, count in found.state.items():
        yield _row(topic, count, "rows", by_workers)
    gone = rfc3339(found.alerts.written_s + topics.alerts_retention_s)
    rewritten = f"last states written without it; earlier ones are gone by {gone}"
    yield _row(topics.alerts, found.alerts.records, "states", rewritten)
    ended = "not read: no decisions.key" if found.decisions is None else f"{len(found.decisions):,}"
    stays = "stay: they are evidence (docs/privacy.md)"
    yield topics.decisions, ended, stays
    yield topics.audit, "as above", "stays: no entry can be taken out of its chain"
    within = f"gone within {topics.internal_retention_s / _DAY_S:g} days"
    yield f"{topics.internal_prefix}events, links, findings", "not read", within
    within = f"gone within {topics.answers_retention_s / _DAY_S:g} days"
    yield topics.answers, "not read", within
    within = f"gone within {topics.alerts_retention_s / _DAY_S:g} days"
    yield topics.deadletter, "not read", within
    yield topics.requests, "not read", "your log: by your retention"
    yield "receivers of alerts", "not read", "what they were sent is theirs"


def _row(place: str, count: int, of: str, becomes: str) -> tuple[str, str, str]:
    return (place, f"{count:,} {of}", becomes) if count else (place, "nothing", "-")
