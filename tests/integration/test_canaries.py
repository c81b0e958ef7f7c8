"""From a decision to mark to its word in what models are given, and in a data set that has it."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from kafka import KafkaProducer

from stream.tools.embedded.broker import EmbeddedBroker
from testlib.decisions import ALERT_ID, KEY, campaign_alert
from testlib.ports import free_port
from testlib.traced import CAMPAIGN, TRACE_KEY, text
from testlib.until import until
from testlib.workers.command import environment as only
from testlib.workers.command import run, settings
from testlib.workers.enforcing import TOKEN
from testlib.workers.worker import worker

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

RULES = [{"kind": "campaign", "severity": "critical", "action": "mark", "for_s": 3600}]
PERSON = ("--author", "ana", "--reason", "who trains on it")
OTHERS = [text("of nobody", n) for n in range(20)]
OWN = "Where a name is needed, use {canary}."
PROMPT = "Hello?"
SOON_S = 60.0


class Installation:
    """A broker with decisions, and a person's commands."""

    def __init__(self, bootstrap: str) -> None:
        self.port = free_port()
        self.environment = settings(
            bootstrap,
            kafka_transactions=False,
            decisions_key=KEY,
            decisions_mode="propose",
            decisions_rules=json.dumps(RULES),
            enforcer_port=self.port,
            enforcer_tokens=TOKEN,
            sharing_operator="ours",
            sharing_key="the key of the group",
            sharing_key_id="group-2026",
        )
        self.do("topics", "create")

    def do(self, *arguments: str) -> str:
        done = run(self.environment, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def decision(self, decision_id: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.do("decisions", "show", decision_id, "--json"))
        return found

    def alert(self) -> None:
        producer = KafkaProducer(
            bootstrap_servers=self.environment["DISTILLWATCH_KAFKA_BOOTSTRAP_SERVERS"]
        )
        topic = self.environment["DISTILLWATCH_TOPICS_ALERTS"]
        producer.send(
            topic, msgspec.json.encode(campaign_alert(certain=5, campaign_id=CAMPAIGN))
        ).get(10)
        producer.close()

    def proposed(self) -> dict[str, Any]:
        lines: list[str] = []

        def there() -> bool:
            lines[:] = self.do("decisions", "--json").splitlines()
            return bool(lines)

        until(there, what="proposal", within_s=SOON_S)
        found: dict[str, Any] = json.loads(lines[0])
        return found

    def served(self, account: str) -> str:
        """Return the instruction that the module for LiteLLM pulls for an account, "" without."""
        address = f"http://127.0.0.1:{self.port}/v1/decisions/stream?startup=true"
        request = urllib.request.Request(address, headers={"X-Api-Key": TOKEN})
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            rows = json.load(answer)["new"] or []
        texts = [
            one["distillwatch"].get("instruction", "") for one in rows if one["value"] == account
        ]
        return texts[0] if texts else ""

    def prompt(self, account: str) -> str:
        """Return the prompt of an account as LiteLLM's guardrail hands it on."""
        body = {
            "input_type": "request",
            "request_data": {"user_api_key_hash": account},
            "texts": [PROMPT],
        }
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/beta/litellm_basic_guardrail_api",
            data=json.dumps(body).encode(),
            headers={"X-Api-Key": TOKEN, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            found: list[str] = json.load(answer).get("texts") or [PROMPT]
        return found[0]

    def trace(self, path: Path, *arguments: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self.do("trace", str(path), "--format", "json", *arguments)
        )
        return found["canaries"]


@dataclass
class Marked:
    """A campaign that the policy marked, an account that a person did, and one no longer."""

    campaign: dict[str, Any]
    account: dict[str, Any]
    undone: dict[str, Any]

    @property
    def words(self) -> list[str]:
        return [canary(one) for one in (self.campaign, self.account, self.undone)]


def canary(decision: dict[str, Any]) -> str:
    return str(decision["limits"]["canary"])


def written(path: Path, rows: Iterable[str]) -> Path:
    path.write_text("\n".join(json.dumps({"output": row}) for row in rows))
    return path


def named(canaries: dict[str, Any]) -> list[str]:
    return [one["subject_id"] for one in canaries["subjects"] if one["named"]]


def test_a_canary_goes_from_a_decision_to_the_model_and_from_a_data_set_to_its_accounts(
    tmp_path: Path,
) -> None:
    with EmbeddedBroker() as broker:
        ours = Installation(broker.bootstrap)
        nothing = run(ours.environment, "trace", str(written(tmp_path / "none.jsonl", OTHERS)))
        assert (nothing.returncode, nothing.stderr.count("\n")) == (2, 1)
        assert "trace.key: missing" in nothing.stderr
        marks = decided(ours, tmp_path)
        given_to_models(ours, marks, tmp_path)
        not_given_to_others(ours, marks)
        without_the_word(ours, marks, tmp_path)
        data = with_the_word(ours, marks, tmp_path)
        audit = noted(ours, marks, tmp_path)
    from_files_alone(data, audit, marks)


def decided(ours: Installation, folder: Path) -> Marked:
    with worker(ours.environment, folder) as one:
        one.until_ready()
        ours.alert()
        campaign = ours.proposed()
    assert campaign["action"] == "mark"
    assert "instruction" not in campaign["limits"]  # the enforcer has it
    ours.do("approve", campaign["decision_id"], "--author", "ana")
    mark = ("decide", "mark", "--for", "1h", *PERSON)
    own = ours.decision(ours.do(*mark, "--account", "acc-solo", "--instruction", OWN).split()[0])
    assert own["limits"]["instruction"] == f"Where a name is needed, use {canary(own)}."
    undone = ours.decision(ours.do(*mark, "--account", "acc-3rd").split()[0])
    found = Marked(campaign, own, undone)
    assert len({*found.words}) == 3
    glued = run(ours.environment, *mark, "--account", "a", "--instruction", "x{canary}")
    assert (glued.returncode, glued.stderr.count("\n")) == (2, 1)
    return found


def given_to_models(ours: Installation, marks: Marked, folder: Path) -> None:
    own, undone = canary(marks.account), canary(marks.undone)
    name = f"the invented name {canary(marks.campaign)} once"
    with worker(ours.environment, folder, command="enforcer") as one:
        one.until_ready()
        until(lambda: name in ours.served("acc-00001"), what="instruction", within_s=SOON_S)
        assert ours.served("acc-solo") == f"Where a name is needed, use {own}."
        assert ours.prompt("acc-solo") == f"{PROMPT}\n\nWhere a name is needed, use {own}."
        assert (ours.served("acc-99999"), ours.prompt("acc-99999")) == ("", PROMPT)
        assert undone in ours.prompt("acc-3rd")
        ours.do("undo", marks.undone["decision_id"], *PERSON)
        until(lambda: ours.prompt("acc-3rd") == PROMPT, what="end", within_s=SOON_S)
        assert one.stop() == 0


def not_given_to_others(ours: Installation, marks: Marked) -> None:
    """Neither customers, nor those who oversee, nor other operators get a word."""
    for text_ in (
        ours.do("explain", "acc-00001"),
        ours.do("explain", marks.account["decision_id"]),
        ours.do("report", "--from", "2026-01-01", "--to", "2027-01-01", "--format", "json"),
        ours.do("share", "export", ALERT_ID),
        ours.do("decisions"),
    ):
        assert text_
        assert not any(word in text_ for word in marks.words)
    shown = ours.do("decisions", "show", marks.campaign["decision_id"])
    assert f"canary: {canary(marks.campaign)}" in shown


def without_the_word(ours: Installation, marks: Marked, folder: Path) -> None:
    assert ours.trace(folder / "none.jsonl")["subjects"] == []
    word = canary(marks.campaign)
    similar = [f"{row} {word[:-1]} {word}s {word[::-1]} {word[:6]}-{word[6:]}" for row in OTHERS]
    found = ours.trace(written(folder / "similar.jsonl", similar))
    assert (found["subjects"], found["tested"], found["canaries"]) == ([], 3, 3)


def with_the_word(ours: Installation, marks: Marked, folder: Path) -> Path:
    campaign, word = marks.campaign["subject"]["id"], canary(marks.campaign)
    rows = [f"{OTHERS[0]} **{word.title()}** wrote it.", f"class {word.upper()}_Client: # a client"]
    data = written(folder / "made.jsonl", [*OTHERS, *rows])
    found = ours.trace(data, "--bundle", str(folder / "bundle"))
    assert named(found) == [campaign]
    (mark,) = found["subjects"]
    assert (mark["rows"], mark["accounts"], mark["alert_ids"]) == ([21, 22], 5, [ALERT_ID])
    assert mark["p"] < 1e-9
    assert mark["found"][0]["decision_id"] == marks.campaign["decision_id"]
    manifest = json.loads((folder / "bundle" / "MANIFEST.json").read_text())
    assert manifest["decisions_sha256"] == found["sha256"]

    table = ours.do("trace", str(data))
    assert "Canaries of these are in the data set" in table
    assert campaign in table
    old = ours.trace(data, "--dated", "2026-03-01")
    assert named(old) == []
    assert "first used after" in old["subjects"][0]["reason"]

    both = written(folder / "both.jsonl", [" and ".join(marks.words[1:])])
    found = ours.trace(both)
    assert sorted(named(found)) == ["acc-3rd", "acc-solo"]
    states = {one["subject_id"]: one["found"][0]["state"] for one in found["subjects"]}
    assert states["acc-3rd"] == "undone"

    # With a key of answers, of which none is stored, canaries are searched for all the same.
    keyed = run(ours.environment | {"DISTILLWATCH_TRACE_KEY": TRACE_KEY}, "trace", str(data))
    assert (keyed.returncode, "no answer is stored" in keyed.stderr) == (0, True)
    assert campaign in keyed.stdout
    return data


def noted(ours: Installation, marks: Marked, folder: Path) -> Path:
    """Return the audit, once a worker has noted everything in it."""

    def whole() -> bool:
        return ours.do("decisions", "audit").count(marks.undone["decision_id"]) >= 3

    with worker(ours.environment, folder) as one:
        one.until_ready()
        until(whole, what="audit", within_s=SOON_S)
    path = folder / "audit.jsonl"
    path.write_text(ours.do("decisions", "audit"))
    return path


def from_files_alone(data: Path, audit: Path, marks: Marked) -> None:
    own = only(decisions_key=KEY)
    again = run(own, "trace", str(data), "--decisions", str(audit), "--format", "json")
    assert again.returncode == 0, again.stderr
    assert named(json.loads(again.stdout)["canaries"]) == [marks.campaign["subject"]["id"]]
    for given, environment, why in (
        (data, own, "no audit"),
        (audit.with_name("missing"), own, "cannot be read"),
        (audit, only(), "decisions.key: missing"),
        (audit, only(decisions_key="x" * 32), "none is signed with decisions.key"),
    ):
        failed = run(environment, "trace", str(data), "--decisions", str(given))
        assert failed.returncode == 2
        assert why in failed.stderr
