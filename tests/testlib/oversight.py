"""Records of the topics that an oversight report is made of, and the report of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from stream.core.alerts import SharedValue
from stream.core.decisions import Reason, TrafficBefore
from stream.core.effects import EffectReport
from stream.core.feedback import Verdict
from stream.core.findings import Observed, TrafficGroup
from stream.core.ledger import Amounts, CampaignDay, LedgerDay, day_name, encode
from stream.core.rfc3339 import rfc3339
from stream.core.secret import Secret
from stream.decisions.signature import EFFECTS, Signer
from stream.decisions.transitions import applied, approve, undo
from stream.oversight.action_book import ActionBook
from stream.oversight.compilation import compiled
from stream.oversight.incident_states import IncidentBook
from stream.oversight.ledger_book import LedgerBook
from stream.oversight.record import ReportPeriod, TopicRecord
from testlib.decisions import ALICE, KEY, SIGNER, campaign_alert, of_accounts, proposal, stored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stream.core.alerts import Alert
    from stream.core.decisions import Decision
    from stream.decisions.transitions import Stored
    from stream.oversight.report import OversightReport

DAY_S: Final = 86_400.0
START_S: Final = 1_772_323_200.0  # 2026-03-01
MARCH = ReportPeriod(START_S, START_S + 31 * DAY_S)
REPORTERS = Signer(Secret(KEY), EFFECTS)

#: Topic and record.
Written = tuple[str, TopicRecord]


def incident(n: int = 1) -> str:
    return f"inc_{n:020x}"


def campaign(
    hour: float,
    tokens: int,
    n: int = 1,
    *,
    detected: float = 10.0,
    members: int = 8,
    networks: Iterable[int] = (),
    **changes: Any,
) -> Alert:
    """Return a state of a campaign, hours after the period began."""
    given: dict[str, Any] = {
        "alert_id": incident(n),
        "campaign_id": f"cmp_{n:016x}",
        "severity": "warning",
        "started_at": at(detected - 2),
        "detected_at": at(detected),
        "updated_at": at(hour),
        "observed": Observed(requests=tokens // 10, input_tokens=tokens // 2, output_tokens=tokens),
        "links": [
            SharedValue(link="network", value=f"{i:016x}", accounts=size, members=[])
            for i, size in enumerate(networks)
        ],
        "techniques": ["AML.T0024.002", "LLM10:2025"],
        "model_version": "campaigns-9",
    }
    return campaign_alert(members - 2, 2, **given | changes)


def at(hour: float) -> str:
    return rfc3339(START_S + 3600 * hour)


def seconds(hour: float) -> float:
    return START_S + 3600 * hour


def of_alert(alert: Alert, hour: float) -> Written:
    """Return an alert that is written some seconds after its time."""
    return "alerts", TopicRecord(
        seconds(hour) + 5, alert.alert_id.encode(), msgspec.json.encode(alert), None
    )


def of_decision(decision: Decision, signer: Signer = SIGNER) -> Written:
    key, value = decision.key.encode(), msgspec.json.encode(decision)
    return "decisions", TopicRecord(decision.time, key, value, signer.sign(key, value))


def of_effect(decision: Decision, held_at: float, **counted: Any) -> Written:
    report = EffectReport(
        decision_id=decision.key, enforcer="edge", run="1" * 16, held_at=held_at, **counted
    )
    key, value = report.key.encode(), msgspec.json.encode(report)
    return "effects", TopicRecord(held_at + 60, key, value, REPORTERS.sign(key, value))


def of_verdict(n: int, label: Any, time: float) -> Written:
    verdict = Verdict(alert_id=incident(n), label=label, author="ana", time=time)
    return "verdicts", TopicRecord(time, verdict.key.encode(), msgspec.json.encode(verdict), None)


def of_day(number: int, sent: int = 1000, **changes: Any) -> Written:
    """Return a day of the ledger, ``number`` days after the period began."""
    whole = Amounts(10, 20, sent, sent // 10)
    few = Amounts(1, 2, 3, 0)
    given: dict[str, Any] = {
        "day": day_name(int(START_S // DAY_S) + number),
        "until": START_S + number * DAY_S + 3600,
        "countries": {"DE": whole, "": few},
        "other_countries": few,
        "models": {HOSTILE_MODEL: whole},
        "other_models": few + few,
        "campaigns": {
            incident(1): CampaignDay(Amounts(4, 5, 600, 60), Amounts(2, 3, 100, 10)),
            incident(2): CampaignDay(Amounts(1, 1, 9, 0), Amounts(0, 0, 0, 0)),
        },
    }
    day = LedgerDay(**given | changes)
    return "ledger", TopicRecord(START_S + (number + 1) * DAY_S, day.key, encode(day), None)


def group(by: Any, name: str, accounts: int, sent: int) -> TrafficGroup:
    """Return members of a campaign with one main country or model."""
    return TrafficGroup(
        by=by,
        name=name,
        accounts=accounts,
        requests=1,
        input_tokens=2,
        output_tokens=sent,
        reasoning_tokens=sent // 2,
    )


#: As a client may name it.
HOSTILE_MODEL: Final = '=<script>"others"</script>'
TRAFFIC = [
    group("country", "DE", 5, 7000),
    group("country", "IS", 2, 800),
    group("country", "", 1, 200),
    group("model", HOSTILE_MODEL, 8, 8000),
]
BEFORE = TrafficBefore(accounts=8, requests=100, output_tokens=1000, output_tokens_last_hour=1000)
STRANGER = Signer(Secret("x" * 32))


def decided(
    n: int = 1,
    dec: int = 1,
    *,
    action: str = "suspend",
    proposed: float = 10.0,
    approved: float = 12.0,
) -> Stored:
    """Return an approved decision on an incident."""
    made = of_accounts(
        8,
        decision_id=f"dec_{dec:020x}",
        action=action,
        reason=Reason(alert_id=incident(n), alerted_at=seconds(proposed) + 5, before=BEFORE),
        proposed_at=seconds(proposed) + 6,
        time=seconds(proposed) + 6,
        until=seconds(proposed) + 86_400,
    )
    return approve(stored(made), ALICE, seconds(approved))


SUSPENDED = applied(decided(), ALICE, seconds(12) + 3)
UNDONE = undo(decided(2, 2, action="throttle", approved=31, proposed=30), ALICE, seconds(33))
WAITING = proposal(
    decision_id=f"dec_{3:020x}", action="verify", reason=Reason(note="by hand"),
    proposed_at=seconds(50), time=seconds(50), until=seconds(90),
)  # fmt: skip


def account(n: int, hour: float, tokens: int) -> Alert:
    state = campaign(hour, tokens, n, detected=30)
    given: dict[str, Any] = {
        "kind": "account", "campaign_id": None, "account_ids": None, "members": [],
        "account_id": "acc-secret", "severity": "critical",
    }  # fmt: skip
    return msgspec.structs.replace(state, **given)


RECORDS = [
    of_alert(campaign(10, 1_000, networks=[6, 3, 5]), 10),
    of_alert(campaign(11.5, 4_000, networks=[6, 3, 5], refresh=True), 11.5),
    of_alert(campaign(13, 5_000, networks=[6, 3, 5]), 13),
    of_alert(campaign(20, 8_000, networks=[6, 3, 5], status="resolved", traffic=TRAFFIC), 20),
    of_alert(account(2, 30, 700), 30),
    of_alert(campaign(-30, 5_000, 4, detected=-40), -30),  # of February
    of_alert(campaign(60, 5_000, 5, detected=60, drill=True), 60),
    of_decision(SUSPENDED.decision),
    of_decision(UNDONE.decision),
    of_decision(WAITING),
    of_effect(
        SUSPENDED.decision, seconds(12) + 2, refused_requests=40, first_refused_at=seconds(12) + 30
    ),
    of_effect(UNDONE.decision, seconds(31) + 4, slowed_requests=3, first_refused_at=seconds(31.5)),
    of_verdict(2, "true_positive", seconds(31)),
    of_verdict(2, "false_positive", seconds(32)),
    of_verdict(1, "true_positive", seconds(14)),
    of_day(-1, 70),  # of February
    of_day(1),
    of_day(1, 500),  # an earlier state of it
    of_day(2, 3000),
    of_day(2, 3000, campaigns={}),  # an earlier state of it: campaigns were looked at later
    of_day(3, 9000),
    ("ledger", TopicRecord(seconds(90), b"2026-03-04", None, None)),  # deleted
]
DAMAGED = [
    *(("alerts", TopicRecord(START_S, b"k", value, None)) for value in (None, b"", b"{", b"\xff")),
    of_alert(campaign(10, 1, 9, techniques=["acc-secret"]), 10),
    of_alert(campaign(10, 1, 9, campaign_id="acc-secret"), 10),
    of_alert(campaign(10, -5, 9), 10),
    of_alert(campaign(10, 10**18, 9), 10),
    of_alert(campaign(10, 1, 9, detected_at="yesterday"), 10),
    of_alert(campaign(10, 1, 9, traffic=[group("country", "acc-secret", 9, 1)]), 10),
    of_alert(campaign(10, 1, 9, traffic=[group("model", "a\u202eb", 9, 1)]), 10),
    *(("ledger", TopicRecord(START_S, b"2026-03-02", value, None)) for value in (b"", b"{", b"[]")),
    ("ledger", TopicRecord(START_S, b"2026-03-09", of_day(1)[1].value, None)),  # another day's
    of_day(1, version=2),
    of_day(1, countries={"acc-secret": Amounts(9, 9, 9, 9)}),
    of_day(1, models={"m": Amounts(10**6, 9, 9, 9)}),  # more than all countries had
    of_day(1, other_countries=Amounts(-1, 0, 0, 0)),
    of_day(1, until=START_S + 9 * DAY_S),
    of_day(1, models={"x" * 65: Amounts(10, 20, 1000, 100)}),
    of_day(1, models={"a\x00b": Amounts(10, 20, 1000, 100)}),
    ("verdicts", TopicRecord(START_S, b"k", b"[]", None)),
    ("verdicts", TopicRecord(START_S, b"k", b" " * 20_000, None)),
    ("effects", TopicRecord(START_S, b"k", b"{}", b"0" * 64)),
    of_decision(decided(1, 7).decision, STRANGER),
    ("decisions", TopicRecord(START_S, b"k", b"{}", None)),
]


def reported(
    records: Iterable[Written],
    period: ReportPeriod = MARCH,
    *,
    signed: bool = True,
    most: int = 100_000,
) -> OversightReport:
    """Return the report of records, which are read in this order within each topic."""
    actions = ActionBook(
        SIGNER if signed else None,
        REPORTERS if signed else None,
        most_decisions=100_000,
        most_effects=100_000,
    )
    records = list(records)
    ledger = LedgerBook(period)
    take = {
        "ledger": ledger.take,
        "decisions": actions.take_decision,
        "effects": actions.take_effect,
        "verdicts": actions.take_verdict,
    }
    for topic, record in records:
        if topic != "alerts":
            take[topic](record)
    incidents = IncidentBook(period, actions.acted_at(), most=most)
    for topic, record in records:
        if topic == "alerts":
            incidents.take(record)
    return compiled(period, incidents, actions, ledger)
