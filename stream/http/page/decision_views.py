"""The JSON of decisions on the page. Decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from stream.core.decisions import DecisionState
from stream.core.effects import FollowedDecision
from stream.core.findings import Severity

if TYPE_CHECKING:
    from stream.core.decisions import Decision
    from stream.http.page.decision_board import DecisionBoard
    from stream.http.page.decision_lists import DecisionList
    from stream.http.page.incident_history import IncidentHistory

#: Accounts of a decision that are named; their number is always there.
MAX_ACCOUNTS: Final = 20


class DecisionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A decision with some of its accounts, and with what it did so far."""

    decision: FollowedDecision
    accounts: int  # all that it acts on
    needed: int  # approvals of people that are missing
    held_back: bool  # a guard rail keeps it from the gateways
    severity: Severity | None  # of its incident as it is now; None where the page has it not


class DecisionRows(msgspec.Struct, frozen=True, kw_only=True):
    """A list of decisions."""

    shown: list[DecisionRow]
    total: int


class DecisionOverview(msgspec.Struct, frozen=True, kw_only=True):
    """What waits and what is in force."""

    mode: str
    waiting: DecisionRows
    in_force: DecisionRows
    counts: dict[DecisionState, int]
    stale_since_s: float | None  # since when the brokers have not answered, epoch seconds


class DecisionCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Numbers for the list of incidents."""

    waiting: int
    in_force: int


def counts(board: DecisionBoard) -> DecisionCounts:
    """Return how many decisions wait and are in force."""
    found = board.lists.counts
    return DecisionCounts(waiting=found["proposed"], in_force=found["approved"] + found["active"])


def decision_overview(board: DecisionBoard, history: IncidentHistory) -> DecisionOverview:
    """Return what waits and what is in force."""
    lists = board.lists
    return DecisionOverview(
        mode=board.mode,
        waiting=rows(board, history, lists.waiting()),
        in_force=rows(board, history, lists.in_force()),
        counts=dict(lists.counts),
        stale_since_s=board.stale_since_s,
    )


def rows(board: DecisionBoard, history: IncidentHistory, found: DecisionList) -> DecisionRows:
    """Return a list of decisions, each with the severity of its incident."""
    held_back = board.lists.held_back
    return DecisionRows(
        shown=[
            DecisionRow(
                decision=_shortened(board.followed(one)),
                accounts=len(one.subjects),
                needed=max(one.people_needed - _people(one), 0),
                held_back=one.key in held_back,
                severity=_severity(history, one.reason.alert_id),
            )
            for one in found.shown
        ],
        total=found.total,
    )


def _shortened(decision: FollowedDecision) -> FollowedDecision:
    return msgspec.structs.replace(decision, accounts=decision.accounts[:MAX_ACCOUNTS])


def _people(decision: Decision) -> int:
    return sum(one.kind == "person" for one in decision.approved_by)


def _severity(history: IncidentHistory, alert_id: str) -> Severity | None:
    record = history.find(alert_id)
    return None if record is None else record.alert.severity
