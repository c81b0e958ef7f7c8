"""What is done under a decision, from a gateway's requests back to the person who decided."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from kafka import KafkaProducer

from stream.core.findings import Observed
from testlib.decisions import KEY, campaign_alert
from testlib.ports import free_port
from testlib.workers.command import run, settings
from testlib.workers.worker import Worker, worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

TOKEN = "t" * 16
SOON_S = 30.0
OBSERVED = Observed(
    requests=1000,
    output_tokens=500_000,
    requests_last_hour=10_000_000,
    output_tokens_last_hour=5_000_000_000,
)


class Loop:
    """A worker's topics, an enforcer's address, and a person's commands."""

    def __init__(self, environment: dict[str, str], port: int) -> None:
        self.environment = environment
        self.port = port
        self.producer = KafkaProducer(
            bootstrap_servers=environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"]
        )

    def do(self, *arguments: str) -> str:
        done = run(self.environment, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def send(self, name: str, value: bytes, key: str = "") -> None:
        topic = self.environment[f"DISTILLWATCH_TOPICS_{name}"]
        self.producer.send(topic, value, key=key.encode()).get(10)

    def ask(self, path: str, body: object = None, **headers: str) -> int:
        """Return the status of an answer of the enforcer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Api-Key": TOKEN} | headers,
        )
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - loopback
                return int(answer.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def report(self, decision: str, refused: int) -> int:
        """Post what a client of the stream has refused."""
        meta = {"window_size_seconds": 10, "utc_now_timestamp": time.time() + 1}
        items = [{"name": "dropped", "value": refused, "labels": {"decision": decision}}]
        client = {"name": "proxy", "metrics": [{"meta": meta, "items": items}]}
        return self.ask("/v1/usage-metrics", {"remediation_components": [client]})

    def decisions(self) -> list[dict[str, Any]]:
        lines = self.do("decisions", "--all", "--json").splitlines()
        return [json.loads(one) for one in lines]

    def shows(self, one: Worker, what: str, **wanted: Any) -> dict[str, Any]:
        """Return the only decision, once its state or its effect is as ``wanted``."""
        found: dict[str, Any] = {}

        def is_there() -> bool:
            for decision in self.decisions():
                found.update(decision)
            return wanted.items() <= (found | found.get("effect", {})).items()

        one.until(is_there, within_s=SOON_S, what=what)
        return found


@pytest.fixture
def loop(bootstrap: str, broker: str) -> Iterator[Loop]:
    port = free_port()
    environment = settings(
        bootstrap,
        kafka_transactions=broker == "kafka",
        kafka_session_timeout_s=6 if broker == "kafka" else 3,
        decisions_key=KEY,
        decisions_mode="propose",
        enforcer_name="edge-1",
        enforcer_port=port,
        enforcer_tokens=TOKEN,
        enforcer_report_s=1,
    )
    made = Loop(environment, port)
    made.do("topics", "create")
    yield made
    made.producer.close()


def enforcing(loop: Loop, folder: Path) -> Any:
    """Return an enforcer as a context, with pages of its own."""
    environment = loop.environment | {"DISTILLWATCH_HTTP_PORT": str(free_port())}
    folder.mkdir(exist_ok=True)
    return worker(environment, folder, command="enforcer")


def test_a_decision_becomes_active_and_shows_what_it_does_over_a_restart(
    loop: Loop, tmp_path: Path
) -> None:
    with worker(loop.environment, tmp_path) as one:
        one.until_ready()
        with enforcing(loop, tmp_path / "first") as enforcer:
            enforcer.until_ready()
            alert = campaign_alert(certain=5, likely=5, observed=OBSERVED)
            loop.send("ALERTS", msgspec.json.encode(alert))
            name = loop.shows(one, "proposal", state="proposed")["decision_id"]
            loop.do("approve", name, "--author", "ana")
            # Nothing was refused yet.
            active = loop.shows(one, "active decision", state="active", refused=0)
            assert [held["enforcer"] for held in active["applied"]] == ["edge-1"]
            assert active["effect"]["alert_to_approval_s"] >= 0
            assert active["effect"]["first_refused_at"] is None

            asked = [loop.ask("/authorize", **{"x-account": "acc-00001"}) for _ in range(3)]
            assert asked == [403] * 3
            assert loop.ask("/authorize", **{"x-account": "acc-00007"}) == 200
            shown = loop.shows(one, "three refusals", refused=3)
            assert shown["sequence"] == active["sequence"]
            assert 0 <= shown["effect"]["approval_to_refusal_s"] < SOON_S
            # A request had 500 output tokens.
            assert shown["effect"]["tokens_not_taken_estimate"] == 3 * 500
            assert loop.report(name, refused=4) == 201
            loop.shows(one, "seven refusals", refused=7)

        with enforcing(loop, tmp_path / "second") as enforcer:
            enforcer.until_ready()
            assert loop.ask("/authorize", **{"x-account": "acc-00000"}) == 403
            shown = loop.shows(one, "eight refusals", refused=8)
            assert shown["effect"]["first_refused_at"] < active["time"] + SOON_S
            assert "8 refused, about 4,000 output tokens not taken (estimate)" in loop.do(
                "decisions", "show", name
            )
            loop.do("undo", name, "--author", "ana", "--reason", "a test")
        # proposed, approved, active, undone: the audit does not grow with what is done.
        assert loop.do("decisions", "audit", "--verify") == "audit: 4 entries, unbroken\n"


def test_what_no_enforcer_has_signed_is_counted_and_changes_nothing(
    loop: Loop, tmp_path: Path
) -> None:
    with worker(loop.environment, tmp_path) as one:
        one.until_ready()
        made = loop.do(
            *("decide", "suspend", "--account", "acc-1", "--for", "8h"),
            *("--author", "ana", "--reason", "a test"),
        )
        name = made.split()[0]
        forged = {
            "decision_id": name,
            "enforcer": "edge-1",
            "run": "0" * 16,
            "held_at": time.time(),
            "refused_requests": 5,
        }
        loop.send("EFFECTS", json.dumps(forged).encode(), f"{name}/{'0' * 16}/")
        one.until(
            lambda: (
                one.total("distillwatch_decision_effect_records_total", reading="unsigned") == 1
            ),
            within_s=SOON_S,
            what="its count",
        )
        (found,) = loop.decisions()
        assert (found["state"], found["applied"]) == ("approved", [])
        assert found["effect"]["refused"] == 0
