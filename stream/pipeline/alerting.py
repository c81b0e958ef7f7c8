"""The alerting stage: observations of accounts and groups of all tasks in; alerts out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np

from stream.accounts.detection.observations import check
from stream.alerting import cloudevent
from stream.core.egress import EgressSum
from stream.core.findings import AccountObservation, Group, LightPrompt, LightTurns, Turnover
from stream.core.packets import Confirmed, Feedback, pack_feedback
from stream.core.records import Emission
from stream.pipeline.chunks import find_new_rows
from stream.pipeline.drill_incidents import is_of_drill
from stream.pipeline.routing import account_tasks
from stream.pipeline.task import Parsed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from stream.alerting.egress_ledger import EgressLedger
    from stream.core.alerts import Alert
    from stream.core.batch import Counts, Mask, Positions
    from stream.core.packets import Packet
    from stream.pipeline.account_scores import AccountScores
    from stream.pipeline.drill_incidents import DrillIncidents
    from stream.pipeline.event_time import SourceProgress
    from stream.pipeline.incident_flow import IncidentFlow
    from stream.pipeline.topic_groups import TopicGroups
    from stream.store.durable import Durable, StateRows

#: What accounts and links tasks send.
Finding = AccountObservation | LightPrompt | LightTurns | Group | Turnover | EgressSum


@dataclass(frozen=True, slots=True)
class Findings:
    """Observations of accounts, prompts and turns of light ones, groups, turnovers and egress."""

    rows: list[Finding]

    @classmethod
    def of(cls, packet: Packet) -> Self:
        """Return the rows of a packet in the order of their sender: by window, then by type."""
        rows: list[Finding]
        rows = [*packet.observations, *packet.prompts, *packet.turns, *packet.groups]
        rows += packet.turnovers
        rows += packet.egress
        return cls(sorted(rows, key=lambda row: row.time))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    @property
    def weights(self) -> Counts:
        """Return the number of rows that each counts for: a group counts for its members."""
        members = [len(row.members) if isinstance(row, Group) else 0 for row in self.rows]
        return 1 + np.array(members, np.int64)

    def take(self, index: Mask | Positions | slice) -> Self:
        """Return the rows at ``index`` (a mask, positions or a slice)."""
        kept = np.arange(len(self.rows))[index].tolist()
        return type(self)([self.rows[i] for i in kept])

    def without(self, accounts: Collection[str]) -> tuple[Self, Mask]:
        """Return the rows without some accounts, also in groups, and which rows these are."""
        rows = [_without(row, accounts) for row in self.rows]
        left = [row for row in rows if row is not None]
        return type(self)(left), np.array([row is not None for row in rows], bool)


class AlertingStage:
    """The incidents of the whole system."""

    name = "alerting"

    def __init__(
        self,
        scores: AccountScores,
        topics: TopicGroups,
        incidents: IncidentFlow,
        drills: DrillIncidents,
        ledger: EgressLedger,
        *,
        tasks: int,
        source: str = "",
    ) -> None:
        """Pass what is found to ``incidents``; a ``source`` makes CloudEvents of alerts.

        ``tasks`` accounts tasks receive the verdicts that people confirm.
        """
        self._tasks = tasks
        self._scores = scores
        self._topics = topics
        self._incidents = incidents
        self._drills = drills
        self._ledger = ledger
        self._source = source
        self._alerts: list[Alert] = []
        self._durable: dict[str, Durable] = {
            **scores.durable,
            "topics": topics,
            **incidents.durable,
            "ledger": ledger,
        }

    @property
    def layouts(self) -> Mapping[str, Mapping[str, str]]:
        """Return what the stored rows of each part consist of."""
        return {name: part.layout for name, part in self._durable.items()}

    def parse(self, packet: Packet, known: SourceProgress) -> Parsed[Findings]:
        """Return the findings; new ones belong to a window after the last one applied."""
        check(packet.observations)
        rows = Findings.of(packet)
        ends = np.array([row.time for row in rows.rows], np.float64)
        return Parsed(rows, ends, *find_new_rows(packet, ends, known), weights=rows.weights)

    def process_window(self, end: float, rows: list[Findings]) -> None:
        """Open, update and resolve incidents at the end of one window."""
        found = [row for part in rows for row in part.rows]
        egress = [row for row in found if isinstance(row, EgressSum)]
        if len(egress) < len(found) or not found:
            self._process_findings(end, found)
        self._ledger.add(end, egress)

    def _process_findings(self, end: float, found: list[Finding]) -> None:
        observed = [row for row in found if isinstance(row, AccountObservation)]
        accounts = sorted(self._scores.detect(end, observed), key=lambda row: row.account_id)
        topical = self._topics.step(end, [row for row in found if isinstance(row, LightPrompt)])
        shared = [row for row in found if isinstance(row, Group)]
        groups = sorted([*shared, *topical], key=lambda row: (row.kind, row.value))
        turnovers = sorted(
            (row for row in found if isinstance(row, Turnover)), key=lambda row: row.account_id
        )
        turns = [row for row in found if isinstance(row, LightTurns)]
        drills = [group for group in groups if is_of_drill(group)]
        others = [group for group in groups if not is_of_drill(group)]
        self._alerts += self._incidents.step(end, accounts, others, turnovers, turns)
        self._alerts += self._drills.step(end, drills)

    def emit(self, watermark: float) -> list[Emission]:
        """Return the alerts, keyed by incident so that each one's updates stay in order."""
        self._alerts += self._incidents.step(watermark, [], [])
        self._alerts += self._drills.step(watermark, [])
        self._ledger.advance(watermark)
        return [*self._send(), *self._send_states(), *self._send_ledger()]

    def apply_feedback(self, time: float, feedback: Feedback) -> list[Emission]:
        """Return the alerts that feedback causes, and confirmed accounts for accounts tasks."""
        if feedback.forgotten:
            accounts = {*feedback.forgotten}
            self._scores.forget(accounts)
            self._topics.forget(accounts)
            self._alerts += self._incidents.forget_accounts(time, accounts)
            return self._send()
        alerts, confirmed = self._incidents.record_feedback(
            time, feedback.verdicts, feedback.suppressions
        )
        self._alerts += alerts
        self._scores.exclude(confirmed)
        return [*self._send(), *_confirmed_emissions(confirmed, self._tasks)]

    def _send_states(self) -> list[Emission]:
        changed = self._scores.take_changed_states()
        tasks = account_tasks([*changed], self._tasks).tolist()
        of_task: dict[int, dict[str, int]] = {}
        for (account, state), task in zip(changed.items(), tasks, strict=True):
            of_task.setdefault(task, {})[account] = state
        return [
            Emission("events", task, None, pack_feedback(Feedback(account_states=states)))
            for task, states in sorted(of_task.items())
        ]

    def _send(self) -> list[Emission]:
        alerts, self._alerts = self._alerts, []
        return [
            Emission(
                role="alerts",
                partition=None,
                key=alert.alert_id.encode(),
                value=msgspec.json.encode(alert),
                headers=cloudevent.headers(alert, self._source) if self._source else (),
            )
            for alert in alerts
        ]

    def _send_ledger(self) -> list[Emission]:
        return [
            Emission("ledger", None, key, value or b"", deletes=value is None)
            for key, value in self._ledger.take()
        ]

    def release(self) -> None:
        """Withdraw this stage's contribution to the gauges."""
        self._scores.release()
        self._topics.release()
        self._incidents.release()

    def take_changes(self) -> StateRows:
        """Return the accounts, models, topics and incidents that changed."""
        self._scores.show()
        return [row for part in self._durable.values() for row in part.take_changes()]

    def load(self, part: str, rows: StateRows) -> None:
        """Load stored rows of a part in the order they were written; None deletes."""
        self._durable[part].load(rows)

    def loaded(self, part: str) -> None:
        """Finish loading a part: there are no more rows of it."""
        self._durable[part].loaded()

    def recovered(self) -> None:
        """Continue after all parts are loaded."""
        self._scores.recovered()
        self._incidents.recovered()


def _confirmed_emissions(confirmed: list[Confirmed], tasks: int) -> list[Emission]:
    return [
        Emission("events", task, None, pack_feedback(Feedback(confirmed=of_task)))
        for task in range(tasks)
        if (of_task := [*_of_task(confirmed, task, tasks)])
    ]


def _without(row: Finding, accounts: Collection[str]) -> Finding | None:
    """Return a row without some accounts, None where nothing is left."""
    if isinstance(row, Group):
        members = [member for member in row.members if member.account_id not in accounts]
        return msgspec.structs.replace(row, members=members)
    if isinstance(row, EgressSum):
        return row  # names none
    of = row.member if isinstance(row, LightPrompt | LightTurns) else row
    return None if of.account_id in accounts else row


def _of_task(confirmed: list[Confirmed], task: int, tasks: int) -> Iterator[Confirmed]:
    for one in confirmed:
        among = np.flatnonzero(account_tasks(one.accounts, tasks) == task)
        if len(among):
            yield Confirmed(accounts=[one.accounts[i] for i in among.tolist()], until=one.until)
