"""``distillwatch decide``: proposes a decision, and approves it where one person suffices."""

from __future__ import annotations

import secrets
import time
from typing import Annotated, Final

import typer

from stream.cli.common import (
    AuthorOption,
    ConfigOption,
    duration_s,
    out,
    read_settings,
    record_of,
)
from stream.cli.decision_lines import line
from stream.core.alerts import Alert
from stream.core.canaries import PLACEHOLDER, has_place
from stream.core.decisions import Action, DecisionSubject, Limits, Reason
from stream.core.errors import UsageError
from stream.decisions.decision_desk import DecisionDesk
from stream.decisions.proposal import Proposal, accused, reason_of, subject_of
from stream.decisions.traffic_share import traffic_share
from stream.enforcement.random_canary import random_canary
from stream.kafka.alerts_topic import latest_alert
from stream.kafka.decisions_topic import DecisionsTopic
from stream.kafka.record_rate import records_of_the_last_day

_KINDS: Final = ("account", "key", "user", "team")


def decide(  # noqa: PLR0913 - the options of a command
    action: Annotated[Action, typer.Argument(help="What is done", show_default=False)],
    *,
    author: AuthorOption,
    reason: Annotated[str, typer.Option(metavar="R", help="Kept with the decision")],
    lasting: Annotated[str, typer.Option("--for", metavar="T", help="How long: 30m, 8h or 14d")],
    alert: Annotated[
        str, typer.Option(metavar="ID", help="An alert's account, or its certain members: inc_...")
    ] = "",
    account: Annotated[str, typer.Option(metavar="ID", help="One account")] = "",
    key: Annotated[str, typer.Option(metavar="ID", help="One key")] = "",
    user: Annotated[str, typer.Option(metavar="ID", help="One user")] = "",
    team: Annotated[str, typer.Option(metavar="ID", help="One team")] = "",
    requests_per_minute: Annotated[
        int | None, typer.Option(metavar="N", help="throttle: requests a minute")
    ] = None,
    output_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="throttle: most tokens of an answer")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="M", help="reroute: another model")] = None,
    instruction: Annotated[
        str | None,
        typer.Option(metavar="T", help="mark: text that is added; {canary}: a word of its own"),
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Decide about an account, a key, a user, a team, or the accounts of an alert."""
    ids = dict(zip(_KINDS, (account, key, user, team), strict=True))
    given = [(kind, name) for kind, name in ids.items() if name]
    if len(given) + bool(alert) != 1:
        raise UsageError("decide needs one of --alert, --account, --key, --user or --team")
    settings, now = read_settings(config), time.time()
    topic = DecisionsTopic(settings.kafka, settings.topics, settings.decisions)
    if alert:
        found = latest_alert(settings.kafka, settings.topics, alert)
        subject, accounts, why = _of_alert(alert, found, reason)
        requests = records_of_the_last_day(settings.kafka, settings.topics.requests, now)
        share = traffic_share(found, len(accounts) or 1, requests) if found else None
    else:
        ((kind, name),) = given
        subject, accounts = record_of(DecisionSubject, kind=kind, id=name), []
        why, share = record_of(Reason, note=reason), None
    proposal = Proposal(
        subject=subject,
        accounts=accounts,
        action=action,
        reason=why,
        traffic_share=share,
        lasts_s=duration_s(lasting, option="--for"),
        limits=record_of(
            Limits,
            requests_per_minute=requests_per_minute,
            output_tokens=output_tokens,
            model=model,
            **_marking(action, instruction),
        ),
    )
    desk = DecisionDesk(settings.decisions, topic.read())
    states = desk.decide(f"dec_{secrets.token_hex(10)}", proposal, author, now)
    topic.write(states)
    out.print(line(states[-1].decision), markup=False, soft_wrap=True)


def _marking(action: Action, instruction: str | None) -> dict[str, str | None]:
    """Return the instruction with its canary; without either the enforcer's has the canary."""
    try:
        placed = instruction is None or has_place(instruction)
    except ValueError as error:
        raise UsageError(f"--instruction: {error}") from error
    if action != "mark" or not placed:
        return {"instruction": instruction}
    canary = random_canary()
    text = None if instruction is None else instruction.replace(PLACEHOLDER, canary)
    return {"instruction": text, "canary": canary}


def _of_alert(
    alert_id: str, alert: Alert | None, note: str
) -> tuple[DecisionSubject, list[str], Reason]:
    if alert is None:
        raise UsageError(f"--alert: {alert_id} is not on the alerts topic")
    accounts = accused(alert)
    if not accounts:
        raise UsageError(f"--alert: {alert_id} has no certain member: decide about single accounts")
    of_campaign = accounts if alert.kind == "campaign" else []
    return subject_of(alert), of_campaign, reason_of(alert, note)
