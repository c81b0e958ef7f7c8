"""From an alert to a decision in force and back, through a real worker, its topics and commands."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from kafka import KafkaProducer

from stream.core.findings import Observed
from stream.kafka.decisions_topic import DecisionsTopic
from stream.settings import PREFIX, load
from testlib.decisions import ALERT_ID, KEY, campaign_alert
from testlib.workers.command import run, settings
from testlib.workers.worker import Worker, worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SOON_S = 30.0


class Desk:
    """The topics, and a person's commands."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        read = load(None, {name: value for name, value in environment.items() if PREFIX in name})
        self.topic = DecisionsTopic(read.kafka, read.topics, read.decisions)
        self.producer = KafkaProducer(
            bootstrap_servers=environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"]
        )

    def do(self, *arguments: str, fails: bool = False) -> str:
        done = run(self.environment, *arguments)
        assert (done.returncode != 0) == fails, done.stderr
        return done.stderr if fails else done.stdout

    def send(self, name: str, value: bytes, key: str = "") -> None:
        topic = self.environment[f"DISTILLWATCH_TOPICS_{name}"]
        self.producer.send(topic, value, key=key.encode()).get(10)

    def decisions(self, state: str, **fields: Any) -> list[dict[str, Any]]:
        found = [msgspec.to_builtins(one.decision) for one in self.topic.read().states]
        wanted = {"state": state} | fields
        return [one for one in found if wanted.items() <= one.items()]

    def expect(self, one: Worker, state: str, **fields: Any) -> dict[str, Any]:
        """Return the only decision of a state, once it is there."""
        one.until(
            lambda: self.decisions(state, **fields), within_s=SOON_S, what=f"{state} decision"
        )
        (found,) = self.decisions(state, **fields)
        return found

    def entries(self) -> int:
        """Return the number of entries of the audit, which has to be unbroken."""
        found = self.topic.verified(self.topic.audit())
        assert not found.problem
        return found.end.number


@pytest.fixture
def desk(bootstrap: str, broker: str) -> Iterator[Desk]:
    more: dict[str, object] = {"decisions_key": KEY, "decisions_mode": "propose"}
    if broker == "kafka":
        more["kafka_session_timeout_s"] = 6
    made = Desk(settings(bootstrap, kafka_transactions=broker == "kafka", **more))
    made.do("topics", "create")
    yield made
    made.producer.close()


def test_an_alert_is_proposed_approved_and_undone_by_a_verdict_and_all_of_it_is_in_the_audit(
    desk: Desk, tmp_path: Path
) -> None:
    with worker(desk.environment, tmp_path) as one:
        one.until_ready()
        desk.send("ALERTS", msgspec.json.encode(campaign_alert(certain=5, likely=2)))
        proposal = desk.expect(one, "proposed")
        assert (proposal["action"], len(proposal["accounts"])) == ("suspend", 5)
        name = proposal["decision_id"]
        one.until(
            lambda: one.total("distillwatch_decisions", action="suspend", state="proposed") == 1,
            what="proposal in the metrics",
        )
        assert "needs 1 more approval" in desk.do("decisions")

        assert "approved" in desk.do("approve", name, "--author", "alice")
        # Twice the same person, and a decision that is in force.
        assert "only a proposal" in desk.do("approve", name, "--author", "alice", fails=True)
        assert "Requests of the account are refused." in desk.do("explain", "acc-00001")

        desk.send("ALERTS", msgspec.json.encode(campaign_alert(certain=7)))
        more = desk.expect(one, "proposed")
        assert more["accounts"] == ["acc-00005", "acc-00006"]

        desk.do("verdict", ALERT_ID, "false_positive", "--author", "bo", "--note", "a class")
        desk.expect(one, "undone", decision_id=name)
        desk.expect(one, "undone", decision_id=more["decision_id"])
        assert desk.do("decisions") == ""
        one.until(lambda: desk.entries() == 5, within_s=SOON_S, what="five entries")
        assert desk.do("decisions", "audit", "--verify") == "audit: 5 entries, unbroken\n"


def test_a_killed_worker_continues_the_audit_and_repeats_no_proposal(
    desk: Desk, tmp_path: Path
) -> None:
    with worker(desk.environment, tmp_path) as one:
        one.until_ready()
        desk.send("ALERTS", msgspec.json.encode(campaign_alert(certain=5)))
        name = desk.expect(one, "proposed")["decision_id"]
        one.kill()
    desk.do("refuse", name, "--author", "alice", "--reason", "a class")
    with worker(desk.environment, tmp_path) as one:
        one.until_ready()
        one.until(lambda: desk.entries() == 2, within_s=60, what="two entries")
        desk.send("ALERTS", msgspec.json.encode(campaign_alert(certain=5)))
        desk.send("ALERTS", msgspec.json.encode(campaign_alert(certain=6)))
        assert desk.expect(one, "proposed")["accounts"] == ["acc-00005"]


def test_a_forged_record_changes_nothing_is_noted_and_is_repaired(
    desk: Desk, tmp_path: Path
) -> None:
    with worker(desk.environment, tmp_path) as one:
        one.until_ready()
        desk.do(
            *("decide", "throttle", "--account", "acc-1", "--for", "8h"),
            *("--author", "alice", "--reason", "too fast", "--requests-per-minute", "6"),
        )
        known = desk.expect(one, "approved")
        forged = {**known, "action": "suspend", "sequence": 9}
        desk.send("DECISIONS", json.dumps(forged).encode(), known["decision_id"])
        unsigned = "distillwatch_decision_records_total"
        one.until(
            lambda: one.total(unsigned, reading="unsigned") == 1, within_s=SOON_S, what="its count"
        )
        # The state that counts is written again: compaction keeps the last record of a key.
        one.until(
            lambda: one.total(unsigned, reading="known") >= 1, within_s=SOON_S, what="its repair"
        )
        assert desk.expect(one, "approved") == known
        one.until(lambda: desk.entries() == 4, within_s=SOON_S, what="four entries")
        audit = [json.loads(line) for line in desk.do("decisions", "audit").splitlines()]
        assert [entry["reading"] for entry in audit] == ["newer", "newer", "unsigned", "known"]


def test_what_would_stop_too_much_of_the_traffic_is_not_approved(
    desk: Desk, tmp_path: Path
) -> None:
    desk.environment["DISTILLWATCH_DECISIONS_MAX_TRAFFIC_SHARE_A_DAY"] = "0.3"
    for number in range(200):
        event = {"timestamp": time.time(), "account_id": f"acc-{number:05d}", "model": "m"}
        desk.send("REQUESTS", json.dumps(event).encode())
    with worker(desk.environment, tmp_path) as one:
        one.until_ready()
        alert = campaign_alert(certain=5, observed=Observed(requests=100))
        desk.send("ALERTS", msgspec.json.encode(alert))
        proposal = desk.expect(one, "proposed")
        assert proposal["traffic_share"] == 0.5
        approve = ("approve", proposal["decision_id"], "--author", "alice")
        assert "max_traffic_share_a_day), this one 50.0%" in desk.do(*approve, fails=True)
        person = ("--alert", ALERT_ID, "--for", "8h", "--author", "alice", "--reason", "a test")
        assert "this one 50.0%" in desk.do("decide", "throttle", *person, fails=True)
        assert "approved" in desk.do("decide", "watch", *person)
